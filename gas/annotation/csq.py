"""INFO/CSQ: its fields, its header line, and the row of one allele on one transcript by the general path."""

from gas.annotation import hgvs
from gas.annotation import terms as so
from gas.annotation.coding import Coding, Span, locate
from gas.annotation.coding_effect import CodingEffect
from gas.annotation.consequence import distance, flank_terms, in_coding, overlapped, terms, touches_exon, within
from gas.annotation.transcripts import Transcript

# Ensembl VEP's fields in its default order for --hgvs --symbol --numbers --biotype --protein --allele_number, then two
# of its --canonical and --mane.
FIELDS = (
    *("Allele", "Consequence", "IMPACT", "SYMBOL", "Gene", "Feature_type", "Feature", "BIOTYPE", "EXON", "INTRON"),
    *("HGVSc", "HGVSp", "cDNA_position", "CDS_position", "Protein_position", "Amino_acids", "Codons"),
    *("Existing_variation", "ALLELE_NUM", "DISTANCE", "STRAND", "FLAGS", "SYMBOL_SOURCE", "HGNC_ID", "ENSP", "SOURCE"),
    *("HGVS_OFFSET", "CANONICAL", "MANE"),
)
HEADER = (
    f'##INFO=<ID=CSQ,Number=.,Type=String,Description="Consequence annotations from GAS. Format: {"|".join(FIELDS)}">'
)
# Ensembl's and NCBI's tags of the transcript that stands for its gene.
CANONICAL = ("Ensembl_canonical", "RefSeq_Select")
_FLAGS = ("cds_start_NF", "cds_end_NF")
_MANE = ("MANE_Select", "MANE_Plus_Clinical")


class Layout:
    """What every row of one transcript has in common.

    `gene`: SYMBOL to BIOTYPE; `name` and `protein`: the beginning of HGVSc and HGVSp; `tail_start` and `tail_end`: what
    stands before and behind HGVS_OFFSET, from STRAND on. `percent`: what stands for a percent sign.
    """

    __slots__ = ("gene", "name", "protein", "tail_end", "tail_start")

    def __init__(self, transcript: Transcript, source: str, percent: str = "%") -> None:
        flags = "&".join(flag for flag in _FLAGS if flag in transcript.tags)
        mane = "&".join(tag for tag in _MANE if tag in transcript.tags)
        self.gene = f"|{transcript.symbol}|{transcript.gene}|Transcript|{transcript.id}|{transcript.biotype}|"
        self.name = f"{transcript.name}:{'c' if transcript.coding_start else 'n'}."
        self.protein = f"{transcript.protein_name}:p."
        symbol = f"{transcript.symbol_source}|{transcript.hgnc_id}"
        self.tail_start = f"|{transcript.strand}|{flags}|{symbol}|{transcript.protein}|{source}|"
        canonical = "YES" if any(tag in transcript.tags for tag in CANONICAL) else ""
        self.tail_end = f"|{canonical}|{mane}"
        if percent != "%":
            self.gene, self.name = self.gene.replace("%", percent), self.name.replace("%", percent)
            self.protein = self.protein.replace("%", percent)
            self.tail_start = self.tail_start.replace("%", percent)


def intergenic(allele: str, number: int) -> str:
    """The row of an allele that no transcript is near to."""
    return f"{allele}|intergenic_variant|MODIFIER||||||||||||||||{number}||||||||||"


Shifts = dict[int, tuple[int, str]]


def row(
    transcript: Transcript, layout: Layout, start: int, end: int, ref: str, alt: str, number: int, shifts: Shifts
) -> str:
    """The row of one allele on a transcript within reach; coordinates and bases as in gas.annotation.consequence.

    `shifts` keeps what `hgvs.shift` gave for this allele, by strand; give an empty one for each allele.
    """
    allele = alt or "-"
    if not within(transcript, start, end):
        away = distance(transcript, start, end)
        head = so.describe(flank_terms(transcript, start)) + layout.gene
        return f"{allele}|{head}||||||||||{number}|{away}{layout.tail_start}{layout.tail_end}"
    strand = transcript.strand
    coding = Coding(transcript, start, end, ref, alt) if in_coding(transcript, start, end) else None
    effect = CodingEffect(coding) if coding else None
    found = terms(transcript, start, end, ref, alt, effect)
    if strand not in shifts:
        shifts[strand] = hgvs.shift(transcript.sequence, start, end, ref, alt, strand)
    moved, bases = shifts[strand]
    cds_position = coding.span.cds_start if coding else None
    coding_name = hgvs.coding_name(transcript, start, end, ref, alt, moved, bases, cds_position)
    protein_name = hgvs.protein_name(effect, ref, alt, moved, bases) if effect else ""
    places = "||||"
    if touches_exon(transcript, min(start, end), max(start, end)):
        span = coding.span if coding else locate(transcript, start, end)
        places = f"{between(span.cdna_start, span.cdna_end)}|{_coding_fields(coding)}"
    return (
        f"{allele}|{so.describe(found)}{layout.gene}{exon_and_intron(transcript, start, end)}|"
        f"{layout.name if coding_name else ''}{coding_name}|{protein_name}|{places}|"
        f"|{number}|{layout.tail_start}{moved * strand if moved and coding_name else ''}{layout.tail_end}"
    )


def exon_and_intron(transcript: Transcript, start: int, end: int) -> str:
    """EXON and INTRON: which of all the variant touches, such as "2/7|" or "2-3/7|2/6"."""
    exons = _numbers(transcript, transcript.exon_starts, transcript.exon_ends, start, end)
    return f"{exons}|{_numbers(transcript, transcript.intron_starts, transcript.intron_ends, start, end)}"


def _coding_fields(coding: Coding | None) -> str:
    """CDS_position, Protein_position, Amino_acids and Codons."""
    if coding is None:
        return "|||"
    span = coding.span
    peptides = ""
    if coding.peptides is not None:
        ref, alt = (peptide or "-" for peptide in coding.peptides)
        peptides = ref if ref == alt else f"{ref}/{alt}"
    residues = "" if coding.unreadable else between(span.protein_start, span.protein_end)
    return f"{between(span.cds_start, span.cds_end)}|{residues}|{peptides}|{_codons(coding, span)}"


def _codons(coding: Coding, span: Span) -> str:
    """Both alleles' codons in lower case, the changed bases in upper case."""
    if coding.codons is None or span.cds_start is None:
        return ""
    place = (span.cds_start - 1) % 3
    shown = []
    for codons, bases in zip(coding.codons, (coding.ref, coding.alt), strict=True):
        last = place + len(bases)
        shown.append(codons[:place].lower() + codons[place:last] + codons[last:].lower() if codons else "-")
    return "/".join(shown)


def between(start: int | None, end: int | None) -> str:
    """Two positions as "5", "5-7", "?-7" or "5-?"; "" for none."""
    if start is None:
        return "" if end is None else f"?-{end}"
    if end is None:
        return f"{start}-?"
    return str(start) if start == end else f"{min(start, end)}-{max(start, end)}"


def _numbers(transcript: Transcript, starts: list[int], ends: list[int], start: int, end: int) -> str:
    touched = overlapped(starts, ends, start, end)
    if not touched:
        return ""
    total = len(starts)
    numbers = sorted((transcript.number(touched[0], total), transcript.number(touched[-1], total)))
    return f"{numbers[0]}/{total}" if numbers[0] == numbers[1] else f"{numbers[0]}-{numbers[1]}/{total}"
