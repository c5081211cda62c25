"""The command line form of an overlay."""

from pathlib import Path

import pytest

from gas.annotation.overlays import OverlaySpec
from gas.annotation.reference import BundleError


def test_spec_takes_name_file_and_fields() -> None:
    spec = OverlaySpec.parse("CLINVAR=/data/a:b/clinvar.vcf.gz:CLNSIG,CLNDN")
    assert spec == OverlaySpec("CLINVAR", Path("/data/a:b/clinvar.vcf.gz"), ("CLNSIG", "CLNDN"))


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("clinvar.vcf.gz", "write NAME=FILE:FIELD"),
        ("A=file", "write NAME=FILE:FIELD"),
        ("A=file:", "write NAME=FILE:FIELD"),
        ("A=file:X,", "write NAME=FILE:FIELD"),
        ("=file:X", "cannot name an overlay"),
        ("1A=file:X", "cannot name an overlay"),
        ("A;B=file:X", "cannot name an overlay"),
        ("A=file:X,Y,X", "twice"),
        ("A=file:" + ",".join(f"F{n}" for n in range(61)), "at most 60"),
    ],
)
def test_bad_spec_is_refused_in_words(text: str, about: str) -> None:
    with pytest.raises(BundleError, match=about):
        OverlaySpec.parse(text)
