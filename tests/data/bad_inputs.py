"""Every kind of broken, odd or hostile input that we know of, made in memory against the synthetic genome.

Each says what must become of it (accept, accept-with-rejects, refuse) and which words a good message about it has.
"""

import bz2
import functools
import gzip
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gas.annotation.formats import BGZF_EOF
from gas.annotation.reference import SEQUENCE, Bundle

REFERENCE = Path(__file__).parent / "synthetic" / "ref.fa"
Verdict = Literal["accept", "accept-with-rejects", "refuse"]

HEAD = (
    "##fileformat=VCFv4.2",
    "##contig=<ID=syn1,length=37898>",
    "##contig=<ID=syn2,length=30798>",
    "##contig=<ID=MT,length=3310>",
    '##FILTER=<ID=PASS,Description="ok">',
    '##INFO=<ID=DP,Number=1,Type=Integer,Description="d">',
)
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
GT = '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">'
EVERY = 7
Edit = Callable[[list[str]], list[str] | None]


@dataclass(frozen=True)
class BadInput:
    """A file to be, what must become of it, and the words (in any case) of a good message about it."""

    name: str
    verdict: Verdict
    mentions: tuple[str, ...]
    content: bytes


@functools.cache
def genome() -> dict[str, str]:
    """The synthetic genome: contig name to bases."""
    contigs: dict[str, str] = {}
    for entry in REFERENCE.read_text().split(">")[1:]:
        title, _, bases = entry.partition("\n")
        contigs[title.split()[0]] = bases.replace("\n", "").upper()
    return contigs


def make_bundle(folder: Path, contigs: dict[str, str] | None = None, assembly: str = "synthetic-1") -> Bundle:
    """A bundle of sequences only (all that intake looks at), by default of the synthetic genome."""
    entries, offset = [], 0
    contigs = contigs or genome()
    for name, bases in contigs.items():
        mitochondrial = name in ("MT", "M", "chrM")
        synonyms = ["M", "chrM", "chrMT", "MT"] if mitochondrial else [f"chr{name}"]
        names = [synonym for synonym in synonyms if synonym != name]
        table = 2 if mitochondrial else 1
        entries.append({"name": name, "length": len(bases), "synonyms": names, "codon_table": table, "offset": offset})
        offset += len(bases)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SEQUENCE).write_bytes("".join(contigs.values()).encode())
    return Bundle(folder, {"name": "synthetic", "assembly": assembly, "contigs": entries})


def records(count: int = 39, seed: int = 1) -> list[list[str]]:
    """Sound SNV records on all contigs, sorted, as lists of eight columns."""
    chosen = random.Random(seed)
    made = []
    for contig, share in (("syn1", 13), ("syn2", 10), ("MT", 16)):
        bases = genome()[contig]
        places = [place for place, base in enumerate(bases, 1) if base in "ACGT"]
        for pos in sorted(chosen.sample(places, count * share // 39)):
            ref = bases[pos - 1]
            alt = chosen.choice([base for base in "ACGT" if base != ref])
            made.append([contig, str(pos), ".", ref, alt, "50", "PASS", f"DP={chosen.randrange(5, 61)}"])
    return made


def vcf(rows: Iterable[list[str]], head: Iterable[str] = HEAD, columns: str = COLUMNS, end: str = "\n") -> bytes:
    """A VCF of these rows."""
    lines = [*head, columns, *("\t".join(row) for row in rows)]
    return "".join(line + end for line in lines).encode("latin-1")


def edited(edit: Edit, every: int = EVERY, **options: object) -> bytes:
    """A VCF whose every `every`-th record was edited; a row that becomes None is left out."""
    rows = records()
    for place in range(3, len(rows), every):
        rows[place] = edit(rows[place])
    return vcf([row for row in rows if row is not None], **options)


def with_column(column: int, value: str) -> bytes:
    """A VCF with this value in a column (from 0) of every seventh record."""
    return edited(lambda row: [*row[:column], value, *row[column + 1 :]])


def with_samples(samples: str, genotypes: str, short: str | None = None) -> bytes:
    """A VCF with FORMAT and sample columns; `short` stands for `genotypes` in every seventh record."""
    rows = [[*row, "GT", *genotypes.split()] for row in records(30)]
    for row in rows[4::EVERY] if short is not None else []:
        row[9:] = short.split()
    return vcf(rows, (*HEAD, GT), "\t".join([COLUMNS, "FORMAT", *samples.split("|")]).rstrip("\t"))


def renamed(names: dict[str, str]) -> bytes:
    """A VCF without ##contig lines that calls contigs by other names."""
    head = [line for line in HEAD if not line.startswith("##contig")]
    return vcf(([names.get(row[0], row[0]), *row[1:]] for row in records()), head)


def bgzf(data: bytes, end: bool = True) -> bytes:
    """`data` in BGZF blocks."""
    blocks = []
    for start in range(0, len(data), 0xFF00):
        part = data[start : start + 0xFF00]
        deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        body = deflate.compress(part) + deflate.flush()
        blocks.append(
            b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0"
            + struct.pack("<H", len(body) + 25)
            + body
            + struct.pack("<II", zlib.crc32(part), len(part))
        )
    return b"".join(blocks) + (BGZF_EOF if end else b"")


def bcf(data: bytes, folder: Path) -> bytes:
    """A VCF as BCF, made by htslib."""
    import pysam

    source, target = folder / "good.vcf", folder / "good.bcf"
    source.write_bytes(data)
    with pysam.VariantFile(str(source)) as read, pysam.VariantFile(str(target), "wb", header=read.header) as written:
        for record in read:
            written.write(record)
    return target.read_bytes()


def _symbolic(alt: str, info: str) -> bytes:
    head = (*HEAD, '##ALT=<ID=DEL,Description="d">', '##INFO=<ID=END,Number=1,Type=Integer,Description="e">')
    rows = records(30)
    extra = [
        [contig, str(pos), ".", genome()[contig][pos - 1], alt, ".", "PASS", info.format(end=pos + 100)]
        for contig, pos in (("MT", 500), ("MT", 1500))
    ]
    order = {name: place for place, name in enumerate(genome())}
    return vcf(sorted(rows + extra, key=lambda row: (order[row[0]], int(row[1]))), head)


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("good.vcf", vcf(records()))
    return buffer.getvalue()


def _wrong_ref(every: int, count: int) -> bytes:
    other = str.maketrans("ACGT", "CGTA")
    rows = records(count)
    for row in rows[every // 2 :: every]:
        row[3] = row[3].translate(other)
        row[4] = row[4].translate(other)
    return vcf(rows)


def _broken(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def _long_deletion() -> bytes:
    bases = genome()["syn1"][2999:21999]
    return vcf([["syn1", "3000", ".", bases, bases[0], "50", "PASS", "DP=1"]])


def _numbered_lines(data: bytes, edit: Callable[[list[bytes]], list[bytes]]) -> bytes:
    return b"\n".join(edit(data.split(b"\n")))


def _samples_of_one_contig_each(rows: list[list[str]]) -> list[list[str]]:
    by_contig = [[row for row in rows if row[0] == name] for name in genome()]
    return [row for group in zip(*by_contig, strict=False) for row in group]


@functools.cache
def bad_inputs() -> dict[str, BadInput]:
    """All of them but BCF (see `bcf`), by name."""
    rows = records()
    good, long = vcf(rows), vcf(records(1500))
    no_contigs = [line for line in HEAD if not line.startswith("##contig")]
    shuffled = random.Random(5).sample(rows, len(rows))
    lines = good.split(b"\n")
    noise = random.Random(6).randbytes(2000)
    wide = [["syn1", "3000", ".", genome()["syn1"][2999], "A" * 10_000_000, "50", "PASS", "DP=1"]]
    flipped = ["\t".join(row).replace("\t", " ") for row in rows]
    old_csq = '##INFO=<ID=CSQ,Number=.,Type=String,Description="Format: Allele|Consequence|IMPACT|SYMBOL">'
    accept: dict[str, tuple[bytes, tuple[str, ...]]] = {
        "no_fileformat.vcf": (vcf(rows, HEAD[1:]), ("##fileformat", "missing")),
        "no_contig.vcf": (vcf(rows, no_contigs), ("contigs", "taken from the reference")),
        "header_only.vcf": (vcf([]), ()),
        "version_9.9.vcf": (good.replace(b"VCFv4.2", b"VCFv9.9"), ("version", "9.9")),
        "header_broken_meta.vcf": (
            vcf(rows, (*HEAD, '##INFO=<ID=XX,Number=1,Type=Integer,Description="no end')),
            ("line 7", "malformed"),
        ),
        "contigs_100k.vcf.gz": (
            bgzf(vcf(rows, (*HEAD, *(f"##contig=<ID=s_{n},length={n + 1000}>" for n in range(100_000))))),
            (),
        ),
        "crlf.vcf": (vcf(rows, end="\r\n"), ("line ends",)),
        "mixed_line_ends.vcf": (
            _numbered_lines(good, lambda all_lines: [x + b"\r" * (n % 2) for n, x in enumerate(all_lines)]),
            ("line ends",),
        ),
        "bom.vcf": (b"\xef\xbb\xbf" + good, ("byte order mark",)),
        "latin1_info.vcf": (vcf(rows, (*HEAD[:4], "##center=M\xfcnchen", *HEAD[4:])), ()),
        "no_final_newline.vcf": (good.rstrip(b"\n"), ()),
        "blank_lines.vcf": (good + b"\n\n", ("empty lines", "line 47")),
        "plain_gzip.vcf.gz": (gzip.compress(long), ()),
        "multi_member.vcf.gz": (gzip.compress(long[:40_000]) + gzip.compress(long[40_000:]), ()),
        "vcf_named_gz.vcf.gz": (good, ()),
        "gz_named_vcf.vcf": (gzip.compress(good), ()),
        "ref_alt_lowercase.vcf": (edited(lambda row: [*row[:3], row[3].lower(), row[4].lower(), *row[5:]]), ()),
        "alt_star.vcf": (with_column(4, "*"), ()),
        "alt_dot.vcf": (with_column(4, "."), ()),
        "sv_del.vcf": (_symbolic("<DEL>", "SVTYPE=DEL;END={end}"), ()),
        "sv_ins.vcf": (_symbolic("<INS>", "SVTYPE=INS;END={end}"), ()),
        "sv_cnv.vcf": (_symbolic("<CNV>", "SVTYPE=CNV;END={end}"), ()),
        "breakends.vcf": (_symbolic("A[syn1:2000[", "SVTYPE=BND"), ()),
        "gvcf.vcf": (
            edited(
                lambda row: [*row[:4], row[4] + ",<NON_REF>", *row[5:]], every=2, head=(*HEAD, "##ALT=<ID=NON_REF>")
            ),
            (),
        ),
        "format_no_samples.vcf": (with_samples("", ""), ("FORMAT column but no samples",)),
        "format_weird.vcf": (with_samples("S1|S2", "0/5 ./."), ("allele index out of range", "line 9")),
        "sample_non_ascii.vcf": (with_samples("Zo\xc3\xab|a b", "0/1 0/0"), ()),
        "duplicate_records.vcf": (vcf(row for row in rows for _ in range(2)), ()),
        "unsorted.vcf": (vcf(shuffled), ("not sorted", "were sorted")),
        "interleaved_contigs.vcf": (vcf(_samples_of_one_contig_each(rows)), ("not sorted", "contig")),
        "chr_prefix.vcf": (renamed({"syn1": "chrsyn1", "syn2": "chrsyn2", "MT": "chrM"}), ()),
        "mt_as_M.vcf": (renamed({"MT": "M"}), ()),
        "info_undeclared.vcf": (with_column(7, "FOO=1;BAR;DP=9"), ()),
        "info_spaces.vcf": (with_column(7, "NOTE=a b c;DP=3"), ()),
        "info_double_equals.vcf": (with_column(7, "X=a=b;DP=3"), ()),
        "already_CSQ.vcf": (
            vcf(([*row[:7], row[7] + ";CSQ=A|missense_variant|MODERATE|OLD"] for row in rows), (*HEAD, old_csq)),
            ("csq", "replaced"),
        ),
        "qual_filter_odd.vcf": (edited(lambda row: [*row[:5], "nan", "q10;lowDP", row[7]]), ()),
        "formula_injection.vcf": (with_column(2, '=HYPERLINK("http://x")'), ()),
        "long_deletion.vcf": (_long_deletion(), ()),
    }
    rejects: dict[str, tuple[bytes, tuple[str, ...]]] = {
        "control_chars.vcf": (with_column(2, "rs1\x07"), ("control character", "\\x07")),
        "pos_non_numeric.vcf": (with_column(1, "12a"), ("POS is not a whole number", "12a")),
        "pos_zero.vcf": (with_column(1, "0"), ("POS is 0", "telomere")),
        "pos_negative.vcf": (with_column(1, "-5"), ("POS is negative", "-5")),
        "pos_beyond_end.vcf": (
            edited(lambda row: [row[0], str(len(genome()[row[0]]) + 1), *row[2:]]),
            ("POS is beyond the end", "37,898"),
        ),
        "ref_mismatch_1pc.vcf": (_wrong_ref(100, 600), ("REF differs from the reference", "the reference has")),
        "ref_iupac.vcf": (with_column(3, "R"), ("REF has an ambiguity code", "R")),
        "alt_iupac.vcf": (with_column(4, "Y"), ("ALT has an ambiguity code", "Y")),
        "alt_equals_ref.vcf": (edited(lambda row: [*row[:4], row[3], *row[5:]]), ("ALT equals REF",)),
        "alt_empty.vcf": (with_column(4, ""), ("ALT is empty",)),
        "alt_dash.vcf": (with_column(4, "-"), ("'-'", "not an allele of VCF")),
        "missing_columns.vcf": (edited(lambda row: row[:5]), ("too few columns: 5",)),
        "sample_count_wrong.vcf": (
            with_samples("S1|S2", "0/1 0/0", short="0/1"),
            ("number of columns differs from the #CHROM line", "10 here, 11 there"),
        ),
        "unknown_contigs.vcf": (renamed({"syn2": "KI270728.1"}), ("not in the reference", "KI270728.1")),
    }
    refuse: dict[str, tuple[bytes, tuple[str, ...]]] = {
        "no_header.vcf": (b"\n".join(lines[7:]), ("no VCF header", "##fileformat", "#CHROM")),
        "no_chrom_line.vcf": (b"\n".join(lines[:6] + lines[7:]), ("#CHROM line is missing", "line 7")),
        "chrom_line_spaces.vcf": (vcf(rows, columns=COLUMNS.replace("\t", " ")), ("#CHROM", "spaces", "tabs")),
        "chrom_line_renamed.vcf": (good.replace(b"\tREF\t", b"\tREFERENCE\t"), ("#CHROM", "REFERENCE", "REF")),
        "header_midfile.vcf": (
            b"\n".join([*lines[:25], b'##INFO=<ID=LATE,Number=1,Type=String,Description="x">', *lines[25:]]),
            ("header line after", "line 26"),
        ),
        "grch37_lengths.vcf": (
            vcf(rows, [HEAD[0], *(f"##contig=<ID={n},length={x}>" for n, x in GRCH37.items()), *HEAD[4:]]),
            ("lengths differ", "GRCh37"),
        ),
        "contig_length_wrong.vcf": (good.replace(b"=37898>", b"=37908>"), ("syn1", "37,908", "37,898")),
        "utf16le.vcf": (b"\xff\xfe" + good.decode().encode("utf-16-le"), ("UTF-16", "UTF-8")),
        "spaces_not_tabs.vcf": (vcf([row] for row in flipped), ("spaces", "tabs", "line 8")),
        "nul_bytes.vcf": (_numbered_lines(good, _nul_in_line_36), ("NUL", "line 36")),
        "truncated_gzip.vcf.gz": (gzip.compress(long)[:4000], ("truncated", "gzip", "upload it again")),
        "bgzf_no_eof.vcf.gz": (bgzf(long, end=False), ("BGZF", "truncated", "end-of-file block is missing")),
        "truncated_bgzf.vcf.gz": (bgzf(long * 2)[: -len(BGZF_EOF) - 200], ("BGZF", "truncated", "block is cut off")),
        "crc_error.vcf.gz": (_broken(gzip.compress(long), -8), ("corrupt gzip",)),
        "trailing_garbage.vcf.gz": (gzip.compress(long) + b"GARBAGE" * 9, ("bytes after the end of the gzip",)),
        "double_gzip.vcf.gz": (gzip.compress(gzip.compress(long)), ("compressed twice",)),
        "zip.vcf": (_zip(), ("zip archive", "upload the VCF inside")),
        "bzip2.vcf.bz2": (bz2.compress(good), ("bzip2", "bgzip", "gzip")),
        "bam.vcf": (bgzf(b"BAM\x01" + bytes(60)), ("BAM",)),
        "png.vcf": (b"\x89PNG\r\n\x1a\n" + noise, ("PNG image",)),
        "pdf.vcf": (b"%PDF-1.4\n" + noise, ("PDF",)),
        "html.vcf": (b"<!DOCTYPE html><html><body>403 Forbidden</body></html>\n", ("HTML page",)),
        "empty.vcf": (b"", ("the file is empty",)),
        "one_byte.vcf": (b"#", ("not a VCF",)),
        "random_bytes.vcf": (b"\x96" + noise, ("not a VCF",)),
        "gzip_bomb.vcf.gz": (gzip.compress(bytes(1 << 26), 9), ("expands beyond the limit",)),
        "long_line.vcf.gz": (bgzf(vcf([*rows[:18], *wide])), ("line 26", "longer than the limit")),
        "ref_mismatch_all.vcf": (_wrong_ref(1, 136), ("nearly everywhere", "wrong", "assembly")),
        "duplicate_samples.vcf": (with_samples("S1|S1", "0/1 0/0"), ("duplicate sample", "S1")),
        "all_unknown_contigs.vcf": (
            renamed({"syn1": "scaf0", "syn2": "scaf1", "MT": "scaf2"}),
            ("no contig", "scaf0", "syn1", "MT"),
        ),
    }
    groups: tuple[tuple[Verdict, dict[str, tuple[bytes, tuple[str, ...]]]], ...] = (
        ("accept", accept),
        ("accept-with-rejects", rejects),
        ("refuse", refuse),
    )
    return {
        name: BadInput(name, verdict, mentions, content)
        for verdict, group in groups
        for name, (content, mentions) in group.items()
    }


GRCH37 = {"1": 249250621, "9": 141213431, "MT": 16569}


def _nul_in_line_36(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"MT\t", b"MT\t\0\0\0") if number == 36 else line for number, line in enumerate(lines, 1)]
