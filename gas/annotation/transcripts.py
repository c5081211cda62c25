"""Transcripts in a bundle: memory-mapped tables, and the working objects made of them when first touched."""

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gas.annotation.coding_indels import Reading
from gas.annotation.codons import reverse_complement, translate, translate_protein
from gas.annotation.models import Model
from gas.annotation.reference import Bundle, Contig, ContigSequence

TABLE, EXONS, TEXTS = "transcripts.npy", "exons.npy", "texts.bin"

# An intron this short, in end minus start, is taken for an artefact that keeps the reading frame right, not for an
# intron that is spliced out: Ensembl's "frameshift intron".
FRAMESHIFT_INTRON = 12

# GENCODE's tag of a transcript whose protein has selenocysteine; its codons usually have rows as well.
SELENOPROTEIN = "seleno"

_ROW = np.dtype(
    [
        ("start", "<i4"),
        ("end", "<i4"),
        ("strand", "i1"),
        ("phase", "i1"),
        ("exons", "<i4"),
        ("first_exon", "<i8"),
        ("coding_start", "<i4"),
        ("coding_end", "<i4"),
        ("codon_table", "i1"),
        ("slip", "<i4"),
        ("text", "<i8"),
        ("text_length", "<i4"),
    ]
)


class Transcript:
    """One transcript, ready for annotation.

    Genomic coordinates are 1-based; `exon_starts` and `exon_ends` ascend along the genome whatever the strand. cDNA
    coordinates are 1-based along the transcript; `cds_first` and `cds_last` are the cDNA positions of the first and the
    last coding base (0 and -1 without a CDS). `pad` is the number of bases missing before the CDS to complete its first
    codon. `recoded` and `slip` are as in gas.annotation.models.Model, the former as text, "123U,456U".
    """

    def __init__(
        self,
        row: np.void,
        exons: "np.ndarray[Any, np.dtype[np.int32]]",
        text: str,
        sequence: ContigSequence,
        codon_table: int,
    ) -> None:
        self.start, self.end, self.strand, phase = (int(row[name]) for name in ("start", "end", "strand", "phase"))
        self.coding_start, self.coding_end = int(row["coding_start"]), int(row["coding_end"])
        (
            self.id,
            version,
            self.gene,
            self.symbol,
            self.symbol_source,
            self.hgnc_id,
            self.biotype,
            tags,
            self.protein,
            protein_version,
            self.recoded,
        ) = text.split("\t")
        self.tags = tuple(tags.split(","))
        self.name = f"{self.id}.{version}" if version and not _versioned(self.id) else self.id
        self.protein_name = self.protein if _versioned(self.protein) else f"{self.protein}.{protein_version or 1}"
        self.table = int(row["codon_table"]) or codon_table
        self.slip = int(row["slip"])
        self.sequence = sequence
        self.exon_starts: list[int] = exons[:, 0].tolist()
        self.exon_ends: list[int] = exons[:, 1].tolist()
        self.length = sum(self.exon_ends) - sum(self.exon_starts) + len(self.exon_starts)
        self.offsets = self._offsets()
        pairs = zip(self.exon_ends[:-1], self.exon_starts[1:], strict=True)
        self.introns: list[tuple[int, int]] = [(end + 1, start - 1) for end, start in pairs]
        self.intron_starts = [start for start, _ in self.introns]
        self.intron_ends = [end for _, end in self.introns]
        self.frameshift_introns = [(a, b) for a, b in self.introns if a <= b <= a + FRAMESHIFT_INTRON]
        self.cds_first, self.cds_last, self.pad = 0, -1, 0
        if self.coding_start:
            ends = (self.coding_start, self.coding_end)
            self.cds_first, self.cds_last = (self.cdna(g) or 0 for g in ends[:: self.strand])
            self.pad = (3 - phase) % 3
        # Made by gas.annotation.segments: what is constant per region of this transcript.
        self.regions: dict[int, tuple[Any, ...]] = {}
        # Sequences and what is read from them, each made when first asked for.
        self._spliced: str | None = None
        self._cds: str | None = None
        self._utr3: str | None = None
        self._reading: Reading | None = None
        self._peptide: str | None = None
        self._residues: str | None = None
        self._stated: dict[int, str] | None = None

    def _offsets(self) -> list[int]:
        """Per exon the number that, added to position * strand, gives the cDNA position."""
        offsets, before = [], 0
        pairs = list(zip(self.exon_starts, self.exon_ends, strict=True))
        for start, end in pairs if self.strand > 0 else reversed(pairs):
            offsets.append(before + 1 - start if self.strand > 0 else before + 1 + end)
            before += end - start + 1
        return offsets if self.strand > 0 else offsets[::-1]

    def exon_at(self, position: int) -> int:
        """The index (along the genome) of the last exon that begins at or before this position; -1 before them all."""
        return bisect_right(self.exon_starts, position) - 1

    def cdna(self, position: int) -> int | None:
        """The cDNA position of a genomic one, None outside the exons."""
        index = bisect_right(self.exon_starts, position) - 1
        if index < 0 or position > self.exon_ends[index]:
            return None
        return self.offsets[index] + position * self.strand

    def number(self, index: int, total: int) -> int:
        """The 1-based number in the direction of transcription of exon or intron `index` (along the genome)."""
        return index + 1 if self.strand > 0 else total - index

    @property
    def spliced(self) -> str:
        """The transcript's bases, exons joined, in the direction of transcription."""
        if self._spliced is None:
            pairs = zip(self.exon_starts, self.exon_ends, strict=True)
            bases = "".join([self.sequence[start - 1 : end] for start, end in pairs])
            self._spliced = bases if self.strand > 0 else reverse_complement(bases)
        return self._spliced

    @property
    def cds(self) -> str:
        """The coding sequence, with an N for each base missing from an incomplete first codon."""
        if self._cds is None:
            self._cds = "N" * self.pad + self.spliced[self.cds_first - 1 : self.cds_last]
        return self._cds

    @property
    def utr5(self) -> str:
        """The bases before the CDS."""
        return self.spliced[: self.cds_first - 1]

    @property
    def utr3(self) -> str:
        """The bases after the CDS."""
        if self._utr3 is None:
            self._utr3 = self.spliced[self.cds_last :]
        return self._utr3

    @property
    def reading(self) -> Reading:
        """The CDS from the second codon on, and what follows: the first is not read as others are."""
        if self._reading is None:
            self._reading = Reading(self.cds[3:] + self.utr3, len(self.cds) - 6, self.table)
        return self._reading

    @property
    def peptide(self) -> str:
        """The protein, one letter a residue, without its stop."""
        if self._peptide is None:
            protein = translate_protein(self.cds, self.table)
            if self.stated:
                protein = "".join([self.stated.get(number, residue) for number, residue in enumerate(protein, 1)])
            self._peptide = protein
        return self._peptide

    @property
    def residues(self) -> str:
        """What each whole codon of the CDS stands for."""
        if self._residues is None:
            self._residues = self.read(self.cds, 1)
        return self._residues

    def read(self, codons: str, first: int) -> str:
        """The amino acids of whole codons that stand at the place of the `first` residue and those behind it.

        What the gene models state holds for a codon that is as and where it is in the reference.
        """
        residues = translate(codons, self.table)
        for number, residue in self.stated.items():
            place = number - first
            same = codons[3 * place : 3 * place + 3] == self.cds[3 * number - 3 : 3 * number]
            if 0 <= place < len(residues) and same:
                residues = residues[:place] + residue + residues[place + 1 :]
        return residues

    @property
    def plain(self) -> bool:
        """Whether the codon alone says what a change in it means, but in the first and the last."""
        # Behind a UTR VEP takes the first three bases for the start codon, whole or not.
        broken_start = self.pad and self.cds_first > 1
        return not (self.recoded or self.slip or broken_start or SELENOPROTEIN in self.tags)

    @property
    def stated(self) -> dict[int, str]:
        """Residues, counted from 1, that the gene models state against the genetic code: {46: "U"}."""
        if self._stated is None:
            self._stated = self._find_stated()
        return self._stated

    def _find_stated(self) -> dict[int, str]:
        found = {}
        for entry in self.recoded.split(","):
            base = self.cdna(int(entry[:-1])) if entry else None
            if base is not None:
                found[(base - self.cds_first + self.pad) // 3 + 1] = entry[-1]
        if not found and SELENOPROTEIN in self.tags:
            codons = (self.cds[place : place + 3] for place in range(0, len(self.cds) - 5, 3))
            found = {number: "U" for number, codon in enumerate(codons, 1) if codon == "TGA"}
        return found

    @property
    def readable(self) -> int:
        """How many codons, from the first, are known to be read in the frame that the CDS begins with."""
        if not self.slip:
            return len(self.cds) // 3 + 1
        index = self.exon_at(self.slip)
        inside = index >= 0 and self.slip <= self.exon_ends[index]
        # Between two exons: what follows begins with the next one.
        nearest = self.slip if inside else (self.exon_starts[index + 1] if self.strand > 0 else self.exon_ends[index])
        base = self.cdna(nearest)
        return (base - self.cds_first + self.pad) // 3 if base else 0


class Transcripts:
    """The transcripts of one contig, opened from a bundle; `first` and `count` are its range in the tables."""

    def __init__(self, bundle: Bundle, first: int, count: int, sequence: ContigSequence, codon_table: int) -> None:
        self._rows = bundle.table(TABLE)[first : first + count]
        self._exons = bundle.table(EXONS)
        self._texts = bundle.table(TEXTS) if count else np.empty(0, np.uint8)
        self._sequence = sequence
        self._table = codon_table
        self._open: dict[int, Transcript] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Transcript:
        transcript = self._open.get(index)
        if transcript is None:
            row = self._rows[index]
            exons = self._exons[int(row["first_exon"]) : int(row["first_exon"]) + int(row["exons"])]
            # Latin-1 as everything of a record: the bytes, UTF-8 or not, come out as they went in.
            text = (
                self._texts[int(row["text"]) : int(row["text"]) + int(row["text_length"])].tobytes().decode("latin-1")
            )
            transcript = self._open[index] = Transcript(row, exons, text, self._sequence, self._table)
        return transcript

    def forget(self) -> None:
        """Let go of every transcript opened so far; they are opened again when touched again."""
        self._open.clear()


def overlapping(bundle: Bundle, contig: Contig, first: int, last: int) -> list[Transcript]:
    """The transcripts that touch positions `first` to `last` (1-based) of a bundle's contig, by where they begin."""
    at, count = bundle.manifest["models"]["contigs"][contig.name]["transcripts"]
    if not count:
        return []
    rows = bundle.table(TABLE)[at : at + count]
    found = np.flatnonzero((rows["start"] <= last) & (rows["end"] >= first))
    opened = Transcripts(bundle, at, count, bundle.sequence(contig.name), contig.codon_table)
    return [opened[index] for index in found.tolist()]


def write(models: Sequence[Model], directory: Path) -> None:
    """Write the tables of `models`, in the order given."""
    rows = np.zeros(len(models), _ROW)
    exons = np.array([exon for model in models for exon in model.exons], dtype="<i4").reshape(-1, 2)
    exon = text_offset = 0
    with (directory / TEXTS).open("wb") as texts:
        for row, model in zip(rows, models, strict=True):
            names = (model.id, model.version, model.gene, model.symbol, model.symbol_source, model.hgnc_id)
            kinds = (model.biotype, ",".join(model.tags), model.protein, model.protein_version)
            recoded = ",".join([f"{place}{residue}" for place, residue in model.recoded])
            text = "\t".join([*names, *kinds, recoded]).encode("utf-8")
            coding = (model.coding[0][0], model.coding[-1][1]) if model.coding else (0, 0)
            row["start"], row["end"], row["strand"], row["phase"] = model.start, model.end, model.strand, model.phase
            row["exons"], row["first_exon"] = len(model.exons), exon
            row["coding_start"], row["coding_end"] = coding
            row["codon_table"], row["slip"] = model.codon_table, model.slip
            row["text"], row["text_length"] = text_offset, len(text)
            texts.write(text)
            exon += len(model.exons)
            text_offset += len(text)
    np.save(directory / TABLE, rows)
    np.save(directory / EXONS, exons)


def _versioned(name: str) -> bool:
    head, dot, tail = name.rpartition(".")
    return bool(dot and head and tail.isdigit())
