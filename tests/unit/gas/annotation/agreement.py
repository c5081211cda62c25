"""Compares CSQ with what Ensembl VEP wrote, cell by cell."""

import csv
import gzip
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from gas.annotation.reference import Bundle

SYNTHETIC = Path(__file__).parents[3] / "data" / "synthetic"

FIELDS = (
    *("Allele", "Consequence", "IMPACT", "SYMBOL", "Gene", "BIOTYPE", "EXON", "INTRON", "HGVSc", "HGVSp"),
    *("cDNA_position", "CDS_position", "Protein_position", "Amino_acids", "Codons", "DISTANCE", "STRAND", "ENSP"),
    "HGVS_OFFSET",
)

# CHROM, POS, REF, ALT and which of the records that have these it is.
Record = tuple[str, str, str, str, int]
# ALLELE_NUM and Feature.
Pair = tuple[str, str]


@dataclass
class Agreement:
    """`differences`: (field, record, pair, expected, got) for each cell that differs."""

    pairs: int = 0
    missing: list[tuple[Record, Pair]] = field(default_factory=list)
    extra: list[tuple[Record, Pair]] = field(default_factory=list)
    cells: Counter[str] = field(default_factory=Counter)
    differences: list[tuple[str, Record, Pair, str, str]] = field(default_factory=list)

    def share(self, name: str) -> float:
        """Of the cells of a field, how many agree."""
        return 1 - sum(1 for difference in self.differences if difference[0] == name) / self.cells[name]


def annotate(given: Path, bundle: Bundle, folder: Path) -> Path:
    """Annotate in a process of its own, which runs what `make setup` compiled; test_compiled.py: it is the same.

    Returns the VCF; the receipt is beside it, `receipt.json`.
    """
    out = folder / "out.vcf.gz"
    gas = [Path(sys.executable).with_name("gas"), "annotate", given, "--bundle", bundle.path, "-o", out]
    subprocess.run([*gas, "--receipt", folder / "receipt.json"], check=True, timeout=250)
    return out


def lines(path: Path) -> Iterator[str]:
    """The lines of a gzip file, without line ends."""
    with gzip.open(path, "rt", encoding="latin-1") as file:
        for line in file:
            yield line.rstrip("\n")


def read_csq(path: Path) -> dict[Record, dict[Pair, dict[str, str]]]:
    """Every row of every record's CSQ, by field name."""
    names: list[str] = []
    seen: Counter[tuple[str, ...]] = Counter()
    found: dict[Record, dict[Pair, dict[str, str]]] = {}
    for line in lines(path):
        if line.startswith("##INFO=<ID=CSQ,"):
            names = re.split(r'"|Format: ', line)[2].split("|")
        if line.startswith("#"):
            continue
        chrom, pos, _, ref, alt, _, _, info = line.split("\t")[:8]
        key = (chrom, pos, ref.upper(), alt.upper())
        seen[key] += 1
        csq = next((entry[4:] for entry in info.split(";") if entry.startswith("CSQ=")), "")
        rows = [dict(zip(names, row.split("|"), strict=True)) for row in csq.split(",") if row]
        found[(*key, seen[key])] = {(row["ALLELE_NUM"], row["Feature"]): row for row in rows}
    return found


class Exclusions:
    """Cells where VEP is known to be wrong: None without a known right value."""

    def __init__(self, path: Path) -> None:
        self._rules: dict[tuple[str, ...], str] = {}
        with path.open(encoding="ascii", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                place = (row["chrom"], row["pos"], row["ref"].upper(), row["alt"].upper())
                self._rules[(*place, row["allele_num"], row["feature"], row["field"])] = row["corrected"]

    def value(self, record: Record, pair: Pair, name: str, stated: str) -> str | None:
        """What is right in this cell; None if that is not known."""
        for number in (pair[0], "*"):
            for feature in (pair[1], "*"):
                for wanted in (name, "*"):
                    rule = self._rules.get((*record[:4], number, feature, wanted))
                    if rule is not None:
                        return rule or None
        return stated


def compare(expected: Path, actual: Path, exclusions: Exclusions) -> Agreement:
    """Compare two annotated files; records that VEP left without CSQ do not count."""
    result = Agreement()
    ours = read_csq(actual)
    for record, rows in read_csq(expected).items():
        got = ours.get(record, {})
        for pair, row in rows.items():
            if exclusions.value(record, pair, "*", "") is None:
                continue
            result.pairs += 1
            if pair not in got:
                result.missing.append((record, pair))
                continue
            for name in FIELDS:
                right = exclusions.value(record, pair, name, row[name])
                if right is None:
                    continue
                result.cells[name] += 1
                if normal(name, right) != normal(name, got[pair][name]):
                    result.differences.append((name, record, pair, right, got[pair][name]))
        if rows and exclusions.value(record, ("*", "*"), "*", "") is not None:
            result.extra += [(record, pair) for pair in got if pair not in rows]
    return result


def normal(name: str, value: str) -> str:
    """A value without what does not matter: the order of terms, the escape of '='."""
    return "&".join(sorted(value.split("&"))) if name == "Consequence" else unquote(value)
