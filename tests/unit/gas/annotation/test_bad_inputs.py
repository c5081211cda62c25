"""Every kind of bad input, made here and (where GAS_ORACLE names a folder that has it) from the real corpus."""

import csv
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gas.annotation.intake import InputRefused, check, open_input, ref_mismatch_reason, reject
from gas.annotation.receipt import Tally
from gas.annotation.reference import Bundle
from tests.data.bad_inputs import bad_inputs, bcf, make_bundle, records, vcf

ORACLE = os.environ.get("GAS_ORACLE", "")
CORPUS = Path(ORACLE, "F_bad_input") if ORACLE else None


@dataclass
class Outcome:
    """What became of a file: its verdict, every sentence about it, and the counts."""

    verdict: str
    sentences: list[str]
    tally: Tally = field(default_factory=Tally)
    sha256: str = ""


def take_in(path: Path, bundle: Bundle) -> Outcome:
    """What the engine does with an input, but for the annotation."""
    tally = Tally()
    try:
        given = open_input(path, bundle)
        for batch in given.batches():
            for line, fields in batch:
                tally.read += 1
                contig = given.header.resolve(fields[0], bundle)
                reason = check(fields, contig, given.header.column_count)
                if reason is None and contig is not None:
                    reason = ref_mismatch_reason(fields[3], int(fields[1]), bundle.sequence(contig.name))
                if reason is None:
                    tally.annotated += 1
                else:
                    tally.reject(reject(line, fields, reason))
    except InputRefused as refusal:
        return Outcome("refuse", [str(refusal)])
    sentences = given.notes + [f"line {r.line}: {r.chrom}:{r.pos} {r.reason}" for r in tally.rejects]
    return Outcome("accept-with-rejects" if tally.rejects else "accept", sentences, tally, given.sha256)


def assert_as_expected(outcome: Outcome, path: Path, verdict: str, mentions: tuple[str, ...]) -> None:
    said = "\n".join(outcome.sentences)
    assert outcome.verdict == verdict, said
    for words in mentions:
        assert words.lower() in said.lower()
    assert all(sentence.isprintable() for sentence in outcome.sentences)
    assert outcome.tally.balanced
    if verdict != "refuse":
        assert outcome.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.mark.parametrize("name", bad_inputs())
def test_each_kind_made_here(name: str, bundle: Bundle, tmp_path: Path) -> None:
    bad = bad_inputs()[name]
    path = tmp_path / "input"
    path.write_bytes(bad.content)
    assert_as_expected(take_in(path, bundle), path, bad.verdict, bad.mentions)


def test_bcf_is_read_like_its_vcf(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(bcf(vcf(records()), tmp_path))
    outcome = take_in(path, bundle)
    assert_as_expected(outcome, path, "accept", ())
    assert outcome.tally.read == len(records())


def test_every_kind_of_the_corpus_is_made_here() -> None:
    assert len(bad_inputs()) == 83
    assert {bad.verdict for bad in bad_inputs().values()} == {"accept", "accept-with-rejects", "refuse"}


@pytest.mark.skipif(not (CORPUS and CORPUS.is_dir()), reason="GAS_ORACLE names no folder that has F_bad_input")
def test_the_real_corpus(bundle: Bundle) -> None:
    assert CORPUS is not None
    with (CORPUS / "corpus.tsv").open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    assert {row["file"] for row in rows} == {*bad_inputs(), "bcf.bcf"}
    for row in rows:
        path = CORPUS / row["file"]
        made_here = bad_inputs().get(row["file"])
        mentions = made_here.mentions if made_here else ()
        outcome = take_in(path, bundle)
        try:
            assert_as_expected(outcome, path, row["class"], mentions)
        except AssertionError as error:
            raise AssertionError(f"{row['file']}: {error}") from error
