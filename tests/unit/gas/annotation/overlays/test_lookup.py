"""Whatever the size and order of the source: rows are spilled, merged and written the same."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gas.annotation.overlays import Overlays, build_alleles, columns, values
from gas.annotation.overlays.alleles import minimal
from tests.unit.gas.annotation.overlays.genome import GENOME, HEADER, Add, Genome, ask, edits, look_up


def naive(sequence: str, rows: Sequence[tuple[int, str, str, str]]) -> dict[str, str]:
    """sequence after the change -> value of the first row that makes it."""
    known: dict[str, str] = {}
    for pos, ref, alt, value in rows:
        known.setdefault(sequence[: pos - 1] + alt + sequence[pos - 1 + len(ref) :], value)
    return known


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_agrees_with_a_dictionary_whatever_the_order_and_memory(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    sequence = data.draw(st.text("ACG", min_size=4, max_size=40))
    drawn = data.draw(st.lists(edits(sequence), min_size=1, max_size=30))
    drawn = [(pos, ref, alt) for pos, ref, alt in drawn if minimal(pos, ref, alt, sequence)]
    folder = tmp_path_factory.mktemp("overlay")
    genome = Genome({"1": sequence}, folder)
    rows = [(pos, ref, alt, str(data.draw(st.integers(-5, 5)))) for pos, ref, alt in drawn]
    if rows:
        (folder / "a.vcf").write_text(
            HEADER + "".join(f"1\t{p}\t.\t{r}\t{a}\t.\t.\tAC={v};SIG=s{v}\n" for p, r, a, v in rows)
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(build_alleles, "STRETCH_BITS", 2)
            patch.setattr(build_alleles, "ROWS_IN_MEMORY", 3)
            patch.setattr(columns, "DISTINCT_TEXTS_IN_MEMORY", 1)
            genome.add(folder / "a.vcf", "AC,SIG", "A")
    queries = [*data.draw(st.lists(edits(sequence), max_size=10)), *drawn]
    known = naive(sequence, rows)
    answers = look_up(genome, *queries)
    for (pos, ref, alt), answer in zip(queries, answers, strict=True):
        value = known.get(sequence[: pos - 1] + alt + sequence[pos - 1 + len(ref) :])
        expected = f"A_AC={value};A_SIG=s{value}" if value and minimal(pos, ref, alt, sequence) else ""
        assert answer == expected
    # The same alleles as one multi-allelic record, position by position.
    for pos, ref, alt in queries:
        whole, single = look_up(genome, (pos, ref, f"*,{alt}"), (pos, ref, alt))
        assert whole == ";".join(part.replace("=", "=.,") for part in single.split(";") if part)


def test_builds_the_same_bytes_each_time(genome: Genome, add: Add, tmp_path: Path) -> None:
    records = ["1 1 . A C,G . . AC=3,4;SIG=b", "1 28 . G GAAAAAAAAAAAAAAA . . SIG=a", "2 1 . G T . . AC=9;SIG=b"]
    contents = []
    for _ in range(2):
        entry = add("AC,SIG", *records)
        folder = tmp_path / "overlays" / "DB1"
        contents.append((entry, {path.name: path.read_bytes() for path in sorted(folder.iterdir())}))
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    assert contents[0] == contents[1]
    assert not any((tmp_path / "overlays").iterdir())


def test_a_bundle_without_overlays_answers_nothing(tmp_path: Path) -> None:
    bundle = SimpleNamespace(path=tmp_path, manifest={}, sequence=lambda name: None)
    opened = Overlays.open(bundle)
    assert opened.header_lines() == []
    assert ask(opened, (1, "A", "C"), (2, "C", "T,G")) == ["", ""]
    assert ask(opened) == []


def test_many_texts_do_not_stay_in_memory(genome: Genome, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "_CACHED_TEXTS", 1)
    add("SIG", *[f"1 {pos} . {GENOME['1'][pos - 1]} A . . SIG=t{pos}" for pos in (2, 3, 4, 5)])
    opened = Overlays.open(genome)
    for pos in (2, 3, 4, 5, 2):
        assert ask(opened, (pos, GENOME["1"][pos - 1], "A")) == [f"DB1_SIG=t{pos}"]


def test_those_who_wait_hear_how_far_it_is(
    add: Add, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(build_alleles, "ROWS_BETWEEN_WORDS", 2)
    caplog.set_level("INFO")
    add("AC", "1 1 . A C,G,T . . AC=1,2,3")
    assert caplog.messages == ["Reading DB1.vcf.", "2 alleles read.", "Sorting 3 alleles."]
