"""Rows of a gene model file, GFF3 or GTF, told apart by what they hold, plain or gzip."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gas.annotation.reference import BundleError, open_text

# Gives the reference's name for a contig, or None for one that it lacks.
Resolve = Callable[[str], str | None]

_GTF_PAIR = re.compile(r'([\w.-]+)\s+(?:"([^"]*)"|([^\s;"]+))')
_GTF_START = re.compile(r"\s*[\w.-]+\s+[^=\s]")


@dataclass(slots=True)
class Row:
    """One feature; 1-based inclusive coordinates. An attribute given several times has its values joined by commas."""

    contig: str
    type: str
    start: int
    end: int
    strand: int
    phase: str
    source: str
    attributes: dict[str, str]

    @property
    def first_base(self) -> int:
        """Where the feature begins in the direction of transcription."""
        return self.start if self.strand > 0 else self.end


def is_gtf(path: Path) -> bool:
    """Whether a file's first feature has its attributes as GTF writes them (`gene_id "G1";`)."""
    with open_text(path) as file:
        for raw in file:
            columns = raw.split(b"\t")
            if not raw.startswith(b"#") and len(columns) == 9:
                return bool(_GTF_START.match(columns[8].decode("utf-8", "replace")))
    return False


def rows(path: Path, resolve: Resolve, gtf: bool) -> Iterator[Row]:
    """The features on contigs of the reference, in file order.

    Raises BundleError naming the line that cannot be understood.
    """
    kind = "GTF" if gtf else "GFF3"
    read_attributes = _gtf_attributes if gtf else _gff3_attributes
    contigs: dict[str, str | None] = {}
    with open_text(path) as file:
        for number, raw in enumerate(file, 1):
            if raw.startswith((b"#", b"\n", b"\r")):
                if raw.startswith(b"##FASTA"):
                    return
                continue
            try:
                columns = raw.decode("utf-8").rstrip("\r\n").split("\t")
                name = columns[0]
                if name not in contigs:
                    contigs[name] = resolve(name)
                if contigs[name] is None and columns[2] == "region":
                    contigs[name] = _named_by_region(_gff3_attributes(columns[8]), resolve, contigs)
                contig = contigs[name]
                if contig is None:
                    continue
                start, end, strand = int(columns[3]), int(columns[4]), -1 if columns[6] == "-" else 1
                attributes = read_attributes(columns[8])
            except (ValueError, IndexError) as error:
                raise BundleError(f"{path.name}, line {number}: this is not a {kind} row of nine columns.") from error
            yield Row(contig, columns[2], start, end, strand, columns[7], columns[1], attributes)


def _named_by_region(attributes: dict[str, str], resolve: Resolve, contigs: dict[str, str | None]) -> str | None:
    """The contig that NCBI's region row says an accession is, unless that contig has been met already.

    Sequences that are only placed on a chromosome state it too, but as genome=genomic.
    """
    if attributes.get("genome") == "genomic":
        return None
    for key in ("chromosome", "Name"):
        contig = resolve(attributes.get(key, ""))
        if contig is not None and contig not in contigs.values():
            return contig
    return None


def _gff3_attributes(text: str) -> dict[str, str]:
    return dict([pair.split("=", 1) for pair in text.split(";") if "=" in pair])


def _gtf_attributes(text: str) -> dict[str, str]:
    attributes: dict[str, str] = {}
    for key, quoted, plain in _GTF_PAIR.findall(text):
        value = quoted or plain
        attributes[key] = f"{attributes[key]},{value}" if key in attributes else value
    return attributes
