"""A file in, an annotated file out: the same bytes however many workers, nothing lost, nothing left behind."""

import gzip
import hashlib
import json
import math
import os
import random
import signal
from pathlib import Path
from typing import Any

import pysam
import pytest

from gas.annotation import csq, engine, reference
from gas.annotation.engine import Options
from gas.annotation.intake import InputRefused
from gas.annotation.overlays import OverlaySpec
from gas.annotation.reference import Bundle
from gas.annotation.summary import Bin
from tests.unit.gas.annotation.agreement import SYNTHETIC

HEAD = "##fileformat=VCFv4.2\n##contig=<ID=syn1,length=37898>\n##contig=<ID=MT,length=3310>\n"
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


def run(bundle: Bundle, text: str, folder: Path, **options: Any) -> tuple[list[str], engine.Receipt]:
    """Annotate a VCF's text; its lines and the receipt."""
    given, out = folder / "in.vcf", folder / "out.vcf.gz"
    given.write_text(text)
    receipt = engine.annotate(Options(given, bundle, out, **options))
    return gzip.decompress(out.read_bytes()).decode("latin-1").splitlines(), receipt


def records(lines: list[str]) -> list[list[str]]:
    return [line.split("\t") for line in lines if not line.startswith("#")]


def snvs(bundle: Bundle, contig: str, positions: list[int]) -> list[str]:
    """A record for each position, with the right REF."""
    sequence = bundle.sequence(contig)
    lines = []
    for position in positions:
        ref = sequence[position - 1]
        lines.append(f"{contig}\t{position}\t.\t{ref}\t{'A' if ref != 'A' else 'C'}\t.\t.\t.")
    return lines


@pytest.fixture(scope="module")
def alone(synthetic_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What one process makes of the synthetic genome's variants, by name."""
    folder = tmp_path_factory.mktemp("alone")
    made = {name: folder / f"out.{name}" for name in ("tsv", "parquet", "summary")}
    engine.annotate(Options(SYNTHETIC / "input.vcf.gz", synthetic_bundle, folder / "out.vcf.gz", **made))
    return {**made, "vcf": folder / "out.vcf.gz", "index": folder / "out.vcf.gz.tbi"}


@pytest.mark.unmeasured
@pytest.mark.xdist_group("same-bytes")
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_same_bytes_for_any_number_of_workers(
    synthetic_bundle: Bundle, alone: dict[str, Path], tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_SMALL", 0)
    everything = {name: tmp_path / name for name in ("tsv", "parquet", "summary", "receipt", "log")}
    out = tmp_path / "out.vcf.gz"
    given = SYNTHETIC / "input.vcf.gz"
    receipt = engine.annotate(Options(given, synthetic_bundle, out, workers=workers, **everything))
    assert receipt.result_sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    assert receipt.input_sha256 == hashlib.sha256(given.read_bytes()).hexdigest()
    found = {**everything, "vcf": out, "index": Path(f"{out}.tbi")}
    assert [name for name, path in alone.items() if found[name].read_bytes() != path.read_bytes()] == []


def test_the_result_can_be_looked_up(synthetic_bundle: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "out.vcf.gz"
    engine.annotate(Options(SYNTHETIC / "input.vcf.gz", synthetic_bundle, out))
    with pysam.VariantFile(str(out)) as file:
        found = list(file.fetch("syn1", 9000, 9100))
        assert found
        assert all(len(row.split("|")) == len(csq.FIELDS) for record in found for row in record.info["CSQ"])


def test_a_contig_beyond_what_tabix_can_index_gets_a_csi(tmp_path: Path) -> None:
    (tmp_path / "genome.fa").write_text(">1\nACGT\n")
    gene = "1\tx\tgene\t1\t4\t.\t+\t.\tID=gene:G\n1\tx\tmRNA\t1\t4\t.\t+\t.\tID=transcript:T;Parent=gene:G\n"
    (tmp_path / "genes.gff3").write_text(f"{gene}1\tx\texon\t1\t4\t.\t+\t.\tParent=transcript:T\n")
    small = reference.build("b", "b", tmp_path / "genome.fa", tmp_path / "genes.gff3", [], tmp_path / "bundle")
    # A file with a hole in it: the bases are unknown and take no room.
    os.truncate(small.path / reference.SEQUENCE, 600_000_000)
    contigs = [{**small.manifest["contigs"][0], "length": 600_000_000}]
    bundle = Bundle(small.path, {**small.manifest, "contigs": contigs})
    rows = "".join(f"1\t{place}\t.\tN\tA\t.\t.\t.\n" for place in (5, 536_870_912, 599_999_999))
    run(bundle, f"##fileformat=VCFv4.2\n{COLUMNS}\n{rows}", tmp_path)
    assert not (tmp_path / "out.vcf.gz.tbi").exists()
    with pysam.TabixFile(str(tmp_path / "out.vcf.gz"), index=str(tmp_path / "out.vcf.gz.csi")) as index:
        assert [row.split("\t")[1] for row in index.fetch("1", 599_999_000, 600_000_000)] == ["599999999"]
        assert len(list(index.fetch("1", 1, 599_999_000))) == 2


def test_a_receipt_for_every_record(synthetic_bundle: Bundle, tmp_path: Path) -> None:
    ref = synthetic_bundle.sequence("syn1")[:]
    wrong = "A" if ref[7099] != "A" else "C"
    rows = [
        *snvs(synthetic_bundle, "syn1", [7000]),
        f"syn1\t7100\t.\t{wrong}\tG\t.\t.\t.",
        f"syn1\t7200\tkeep\t{ref[7199]}\t<NON_REF>\t5\tq10\tEND=7300",
        f"syn1\t7300\t.\t{ref[7299]}\t.\t.\t.\t.",
        f"syn1\t7400\t.\t{ref[7399]}\t*\t.\t.\t.",
        "elsewhere\t10\t.\tA\tC\t.\t.\t.",
    ]
    lines, receipt = run(synthetic_bundle, HEAD + COLUMNS + "\n" + "\n".join(rows) + "\n", tmp_path)
    tally = receipt.tally
    assert (tally.read, tally.annotated, tally.passed.total(), tally.rejected.total()) == (6, 1, 3, 2)
    assert receipt.balanced
    assert tally.passed == {"symbolic allele": 1, "no alternative allele": 1, "overlapping deletion (*)": 1}
    mismatch = next(reject for reject in tally.rejects if reject.chrom == "syn1")
    assert (mismatch.line, mismatch.pos) == (6, "7100")
    assert mismatch.reason == f"REF differs from the reference: REF has {wrong}, the reference has {ref[7099]}"
    assert records(lines)[1] == rows[2].split("\t"), "what is not annotated leaves as it came"
    assert [record[1] for record in records(lines)] == ["7000", "7200", "7300", "7400"]


def test_an_older_annotation_is_replaced(synthetic_bundle: Bundle, tmp_path: Path) -> None:
    first, _ = run(synthetic_bundle, HEAD + COLUMNS + "\n" + snvs(synthetic_bundle, "syn1", [7000])[0] + "\n", tmp_path)
    old = HEAD + '##INFO=<ID=CSQ,Number=.,Type=String,Description="old. Format: A|B">\n##GAS=<ID=bundle,Name="old">\n'
    record = snvs(synthetic_bundle, "syn1", [7000])[0].removesuffix(".") + "DP=3;CSQ=old|x;AF=0.5"
    again, receipt = run(synthetic_bundle, f"{old}{COLUMNS}\n{record}\n", tmp_path)
    assert sum(line.startswith("##INFO=<ID=CSQ,") for line in again) == 1
    assert not any("old" in line for line in again)
    assert records(again)[0][7] == "DP=3;AF=0.5;" + records(first)[0][7]
    assert any("already has CSQ" in note for note in receipt.notes)


def test_the_header_says_what_made_the_file(synthetic_bundle: Bundle, tmp_path: Path) -> None:
    lines, _ = run(synthetic_bundle, HEAD + COLUMNS + "\n", tmp_path)
    own = [line for line in lines if line.startswith("##GAS=")]
    assert 'Name="synthetic",Assembly="made up"' in own[1]
    assert any("genes.gff3" in line and "SHA256=" in line for line in own)
    assert csq.HEADER in lines
    assert lines[-1] == COLUMNS


def test_names_and_samples_stay_as_they_are(synthetic_bundle: Bundle, tmp_path: Path) -> None:
    ref = synthetic_bundle.sequence("MT")[399]
    genotypes = "GT:XX\t0/1:\xe9\t./.:9"
    record = f"chrM\t400\trs\xe9\t{ref}\t{'A' if ref != 'A' else 'C'}\t9.5\tq10;s50\tA B=\xe9;FLAG\t{genotypes}"
    given = tmp_path / "in.vcf"
    given.write_bytes(f"##fileformat=VCFv4.2\n{COLUMNS}\tFORMAT\tone\tt\xe9o\n{record}\n".encode("latin-1"))
    out = tmp_path / "out.vcf.gz"
    engine.annotate(Options(given, synthetic_bundle, out))
    lines = gzip.decompress(out.read_bytes()).decode("latin-1").splitlines()
    columns = records(lines)[0]
    assert columns[:7] == record.split("\t")[:7]
    assert columns[7].startswith("A B=\xe9;FLAG;CSQ=")
    assert "\t".join(columns[8:]) == genotypes
    assert lines[-2].endswith("\tFORMAT\tone\tt\xe9o")
    assert "##contig=<ID=chrM,length=3310>" in lines


def test_the_mitochondrion_has_its_own_code(synthetic_bundle: Bundle, tmp_path: Path) -> None:
    """TGA inside of the CDS is Trp there: a change to TGG is silent, one to TAA is a stop."""
    transcripts = [
        line.split("\t") for line in (SYNTHETIC / "genes.gff3").read_text().splitlines() if "\tCDS\t" in line
    ]
    start = next(int(row[3]) for row in transcripts if row[0] == "MT" and row[6] == "+")
    bases = synthetic_bundle.sequence("MT")[:]
    codon = next(place for place in range(start - 1, len(bases), 3) if bases[place : place + 3] == "TGA")
    rows = [f"MT\t{codon + 2}\t.\tG\tA\t.\t.\t.", f"MT\t{codon + 3}\t.\tA\tG\t.\t.\t."]
    lines, _ = run(synthetic_bundle, HEAD + COLUMNS + "\n" + "\n".join(rows) + "\n", tmp_path)
    found = [
        next(row.split("|") for row in record[7].split(",") if "|tGa/tAa|" in row or "|tgA/tgG|" in row)
        for record in records(lines)
    ]
    assert [(row[1], row[15]) for row in found] == [("stop_gained", "W/*"), ("synonymous_variant", "W")]


def test_unsorted_records_come_out_sorted(
    synthetic_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the first look shows it, and where it only shows after records have been written."""
    positions = list(range(5000, 5400))
    rows = snvs(synthetic_bundle, "syn1", positions)
    expected, _ = run(synthetic_bundle, HEAD + COLUMNS + "\n" + "\n".join(rows) + "\n", tmp_path)
    late = [*rows[:5], *rows[6:], rows[5]]
    shuffled = random.Random(6).sample(rows, len(rows))
    for probe, given in ((10_000, shuffled), (50, late)):
        monkeypatch.setattr("gas.annotation.intake.PROBE_RECORDS", probe)
        monkeypatch.setattr("gas.annotation.intake.Input.batches.__defaults__", (100,))
        for workers in (1, 2):
            monkeypatch.setattr(engine, "_SMALL", 0)
            text = HEAD + COLUMNS + "\n" + "\n".join(given) + "\n"
            found, receipt = run(synthetic_bundle, text, tmp_path, workers=workers)
            assert found == expected
            assert receipt.balanced
            assert receipt.tally.read == len(rows)
            assert any("sorted" in note for note in receipt.notes)


def test_progress_is_told_after_every_batch(synthetic_bundle: Bundle, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    out = tmp_path / "out.vcf.gz"
    engine.annotate(
        Options(SYNTHETIC / "input.vcf.gz", synthetic_bundle, out), lambda done, total: told.append((done, total))
    )
    assert told == [(4000, 6000), (6000, 6000)]


@pytest.mark.parametrize("text", ["", "hello\n", HEAD, HEAD + COLUMNS.replace("REF", "REFERENCE") + "\n"])
def test_a_refused_file_leaves_nothing(synthetic_bundle: Bundle, tmp_path: Path, text: str) -> None:
    with pytest.raises(InputRefused):
        run(synthetic_bundle, text, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["in.vcf"]


def test_a_worker_that_dies_does_not_hang_the_rest(
    synthetic_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_SMALL", 0)
    monkeypatch.setattr(engine.Worker, "annotate", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(Exception, match="terminated abruptly"):
        engine.annotate(Options(SYNTHETIC / "input.vcf.gz", synthetic_bundle, tmp_path / "out.vcf.gz", workers=2))
    assert list(tmp_path.iterdir()) == []


def test_tables_summary_and_log(synthetic_bundle: Bundle, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("tsv", "parquet", "summary", "receipt", "log")}
    _, receipt = run(
        synthetic_bundle,
        HEAD + COLUMNS + "\n" + "\n".join(snvs(synthetic_bundle, "syn1", [6110, 6111, 6112, 2])) + "\n",
        tmp_path,
        **files,
    )
    rows = [line.split("\t") for line in files["tsv"].read_text().splitlines()]
    assert len(rows) == 5
    assert rows[0][:5] == ["CHROM", "POS", "ID", "REF", "ALT"]
    consequence = rows[0].index("Consequence")
    assert rows[1][consequence] == "intergenic_variant"
    import pyarrow.parquet as pq

    table = pq.read_table(files["parquet"]).to_pylist()
    assert [row["POS"] for row in table] == [2, 6110, 6111, 6112]
    assert [row["Consequence"] for row in table] == [row[consequence] for row in rows[1:]]
    counts = json.loads(files["summary"].read_text())
    assert counts["by_type"] == {"SNV": 4}
    assert sum(counts["by_consequence"].values()) == 4
    assert json.loads(files["receipt"].read_text())["records"]["balanced"] is True
    assert receipt.result_sha256 in files["log"].read_text()


def test_counts_are_those_of_the_rows(synthetic_bundle: Bundle, tmp_path: Path) -> None:
    """The engine counts by segment; the rows themselves must give the same."""
    out = tmp_path / "out.vcf.gz"
    receipt = engine.annotate(Options(SYNTHETIC / "input.vcf.gz", synthetic_bundle, out))
    counted = engine.Summary()
    longest = max(contig.length for contig in synthetic_bundle.contigs.values())
    width = math.ceil(longest / 250)
    for record in records(gzip.decompress(out.read_bytes()).decode("latin-1").splitlines()):
        counted.add_variant(record[0], record[3], record[4].split(","))
        length = synthetic_bundle.contigs[record[0]].length
        counted.by_position[Bin(record[0], length, width, (int(record[1]) - 1) // width)] += 1
        annotation = record[7].partition("CSQ=")[2]
        if annotation:
            counted.add_csq(annotation.split(","))
    assert receipt.summary.to_dict() == counted.to_dict()


def test_overlays_are_written_beside_csq(synthetic_bundle: Bundle, tmp_path: Path) -> None:
    ref = synthetic_bundle.sequence("syn1")[6999]
    alt = "A" if ref != "A" else "C"
    overlay = tmp_path / "known.vcf"
    overlay.write_text(
        HEAD
        + '##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency">\n'
        + f"{COLUMNS}\nsyn1\t7000\t.\t{ref}\t{alt}\t.\t.\tAF=0.25\n"
    )
    spec = OverlaySpec.parse(f"KNOWN={overlay}:AF")
    log = tmp_path / "log"
    fasta, gff3 = SYNTHETIC / "ref.fa", SYNTHETIC / "genes.gff3"
    bundle = reference.build("with", "made up", fasta, gff3, [spec], tmp_path / "bundle")
    old = f"syn1\t7000\t.\t{ref}\t{alt}\t.\t.\tKNOWN_AF=9;DP=1"
    rows = [old, *snvs(bundle, "syn1", [7001])]
    tsv = tmp_path / "tsv"
    lines, receipt = run(bundle, HEAD + COLUMNS + "\n" + "\n".join(rows) + "\n", tmp_path, tsv=tsv, log=log)
    assert receipt.summary.by_frequency == {"0.05 to 0.5": 1, "unknown": 1}
    assert "Variant alleles by their highest frequency" in log.read_text()
    assert any(line.startswith("##INFO=<ID=KNOWN_AF,Number=A,") for line in lines)
    first, second = records(lines)
    assert first[7].startswith("DP=1;CSQ=")
    assert first[7].endswith(";KNOWN_AF=0.25")
    assert "KNOWN_AF" not in second[7]
    assert [line.split("\t")[-1] for line in tsv.read_text().splitlines()] == ["KNOWN_AF", "0.25", ""]
    assert any("known.vcf" in line for line in lines if line.startswith("##GAS="))
