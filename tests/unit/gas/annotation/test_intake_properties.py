"""Whatever the bytes: intake refuses or accounts for every record, shows no control character, and leaves nothing."""

import gzip
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gas.annotation import decompress, intake
from gas.annotation.intake import InputRefused, Limits, OutOfOrder, check, open_input, ref_mismatch_reason, reject
from gas.annotation.receipt import Tally
from gas.annotation.reference import Bundle
from tests.data.bad_inputs import COLUMNS, GT, HEAD, bgzf, make_bundle

EXAMPLES = 250
CONTIGS = {"1": "ACGTNRACGT" * 4, "MT": "GATTACA" * 5}

cell = st.one_of(
    st.sampled_from(
        ["1", "MT", "chr1", "un", "2", "40", "41", "0", "-1", "A", "C", "a,T", "<DEL>", "*", ".", "GATT", "R"]
    ),
    st.text(st.characters(max_codepoint=255), max_size=6),
)
record = st.one_of(
    st.tuples(
        st.sampled_from(["1", "MT", "chr1", "M", "un", "#x"]),
        st.integers(-1, 45).map(str),
        st.just("."),
        st.sampled_from("ACGTN"),
        st.sampled_from(["A", "C", "G,T", "<X>", "AC", "."]),
        st.just("."),
        st.just("."),
        st.just("DP=1"),
    ),
    st.lists(cell, max_size=11),
).map("\t".join)
header_line = st.one_of(
    st.sampled_from([*HEAD[4:], GT, "##contig=<ID=1,length=40>", "##contig=<ID=MT>", "##contig=<length=5>", "##x", ""]),
    st.text(st.characters(max_codepoint=255), max_size=12).map("##".__add__),
)
columns = st.sampled_from([COLUMNS, COLUMNS, COLUMNS, f"{COLUMNS}\tFORMAT\tS", COLUMNS.lower(), "#", ""])


@st.composite
def vcf_like(draw: st.DrawFn) -> bytes:
    """Something near a VCF: sound and unsound lines, line ends, and a few bytes of damage."""
    lines = [HEAD[0], *draw(st.lists(header_line, max_size=3)), draw(columns), *draw(st.lists(record, max_size=30))]
    data = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"])).join(lines).encode("latin-1")
    for place in draw(st.lists(st.integers(0, max(0, len(data) - 1)), max_size=2)):
        data = data[:place] + draw(st.binary(max_size=3)) + data[place + draw(st.integers(0, 3)) :]
    return data


def _unpacked(data: bytes) -> bytes:
    return data


packing = st.sampled_from([_unpacked, gzip.compress, bgzf, lambda data: gzip.compress(data)[:-9]])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("bundle"), CONTIGS)


@pytest.fixture
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decompress, "_CHUNK", 61)
    monkeypatch.setattr(decompress, "_COMPRESSED_CHUNK", 37)
    monkeypatch.setattr(intake, "PROBE_RECORDS", 7)


@pytest.mark.usefixtures("_small_pieces")
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(vcf_like(), vcf_like(), st.binary(max_size=300)), pack=packing, sort_memory=st.integers(1, 2000))
def test_every_file_is_refused_or_accounted_for(
    bundle: Bundle, data: bytes, pack: Callable[[bytes], bytes], sort_memory: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, scratch = Path(folder, "input"), Path(folder, "scratch")
        scratch.mkdir()
        path.write_bytes(pack(data))
        limits = Limits(max_line_bytes=120, max_header_bytes=1500, sort_memory_bytes=sort_memory)
        sentences = take_in(path, scratch, bundle, limits)
        assert all(sentence.isprintable() for sentence in sentences)
        assert list(scratch.iterdir()) == []


def take_in(path: Path, scratch: Path, bundle: Bundle, limits: Limits) -> list[str]:
    """All that is said about the file."""
    try:
        given_input = open_input(path, bundle, limits, scratch=scratch)
        try:
            return account(given_input, bundle)
        except OutOfOrder:
            return account(given_input, bundle)
    except InputRefused as refusal:
        return [str(refusal)]


def account(given_input: intake.Input, bundle: Bundle) -> list[str]:
    tally = Tally()
    header = given_input.header
    ends: dict[str, int] = {}
    lines: list[int] = []
    for batch in given_input.batches(5):
        assert 1 <= len(batch) <= 5
        for line, fields in batch:
            tally.read += 1
            lines.append(line)
            contig = header.resolve(fields[0], bundle)
            reason = check(fields, contig, header.column_count)
            if reason is None:
                assert contig is not None
                pos = int(fields[1])
                reason = ref_mismatch_reason(fields[3], pos, bundle.sequence(contig.name))
                assert pos >= ends.get(fields[0], 0)
                assert fields[0] not in list(ends)[:-1]
                ends[fields[0]] = pos
            if reason is None:
                tally.annotated += 1
            else:
                tally.reject(reject(line, fields, reason))
    assert tally.balanced
    assert len(set(lines)) == len(lines)
    assert len(given_input.sha256) == 64
    assert not any(control in line for line in [*header.meta, header.columns] for control in "\n\r\0\x1b")
    return [*given_input.notes, *(part for r in tally.rejects for part in (r.chrom, r.pos, r.reason))]
