"""What people read of a variant table: its columns' names and values in plain words."""

from typing import Any
from urllib.parse import unquote

from gas.explore.table import VariantTable

_HEADINGS = {
    "CHROM": "Chromosome",
    "POS": "Position",
    "ID": "ID",
    "REF": "Reference",
    "ALT": "Alternative",
    "QUAL": "Quality",
    "FILTER": "Filter",
    "MOST_SEVERE": "Most severe consequence",
    "MOST_SEVERE_IMPACT": "Impact",
    "GENES": "Genes",
    "SYMBOL": "Gene",
    "Gene": "Gene id",
    "Feature": "Transcript",
    "IMPACT": "Impact on the transcript",
    "Consequence": "Consequence on the transcript",
}
_GENOTYPES = {"het": "one copy", "hom": "all copies", "ref": "not carried", "missing": "not called"}
_UNKNOWN = "–"


def heading(table: VariantTable, column: str) -> str:
    """A column's name."""
    own = table.heading(column)
    if own != column:
        return own.removeprefix("GT:")
    return _HEADINGS.get(column, column.replace("_", " "))


def shown(column: str, value: Any) -> str:
    """A value in words; a dash where there is none."""
    if value is None:
        return _UNKNOWN
    if isinstance(value, float):
        return f"{value:.4g}"
    text = unquote(str(value))
    if column.startswith("GT_"):
        return _GENOTYPES.get(text, text)
    if column in ("MOST_SEVERE", "Consequence") or column.endswith("_CLNSIG"):
        return text.replace("_", " ").replace("&", ", ").replace("|", ", ")
    if column in ("GENES", "HGNC_ID", "Allele") or len(text) < 3:
        return text.replace(",", ", ")
    return text.replace("&", ", ") if column == "DBSNP_ID" else text
