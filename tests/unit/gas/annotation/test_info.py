"""INFO of the result: what was there, CSQ, what the overlays know."""

import pytest

from gas.annotation import columns, info


@pytest.mark.parametrize("samples", ["", "\tGT\t0/1"])
@pytest.mark.parametrize(
    ("own", "annotation", "overlay", "expected"),
    [
        ("DP=3", b"A|x", "", "DP=3;CSQ=A|x"),
        (".", b"A|x", "", "CSQ=A|x"),
        ("", b"A|x", "", "CSQ=A|x"),
        ("DP=3", b"", "", "DP=3"),
        (".", b"", "", "."),
        ("", b"", "", ""),
        ("DP=3;CSQ=old;AF=1", b"A|x", "", "DP=3;AF=1;CSQ=A|x"),
        ("CSQ=old", b"", "", "."),
        ("DP=3", b"A|x", "K=1", "DP=3;CSQ=A|x;K=1"),
        (".", b"", "K=1", "K=1"),
        ("XCSQ=1", b"A|x", "", "XCSQ=1;CSQ=A|x"),
    ],
)
def test_every_case(samples: str, own: str, annotation: bytes, overlay: str, expected: str) -> None:
    """Alone, and beside a record that needs nothing unusual."""
    plain = f"1\t5\t.\tA\tG\t.\t.\tDP=1{samples}\n"
    line = f"1\t5\t.\tA\tG\t.\t.\t{own}{samples}\n"
    whole = [f"1\t5\t.\tA\tG\t.\t.\tDP=1;CSQ=B{samples}\n", f"1\t5\t.\tA\tG\t.\t.\t{expected}{samples}\n"]
    for text, annotations, overlays, result in (
        (line, [annotation], [overlay], whole[1:]),
        (plain + line, [b"B", annotation], ["", overlay], whole),
    ):
        found = columns.read(text.encode(), 8 + samples.count("\t"), 100)
        assert found is not None
        pieces, lengths = info.with_annotation(found, annotations, overlays, ("CSQ", "K"))
        assert b"".join(pieces).decode() == "".join(result)
        assert lengths.tolist() == [len(one) for one in result]
