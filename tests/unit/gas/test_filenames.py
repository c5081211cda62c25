import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from gas.filenames import MAX_NAME_BYTES, content_disposition, downloadable, kept

# name as typed, name under which a browser may save
TRICKS = [
    ("x.vcf", "x.vcf"),
    ("x.vcf.gz", "x.vcf.gz"),
    ("../../etc/passwd.vcf", "_.._etc_passwd.vcf"),
    ("a b.vcf", "a b.vcf"),
    ("-rf.vcf", "rf.vcf"),
    ("a;rm -rf x.vcf", "a;rm -rf x.vcf"),
    ("$(id).vcf", "$(id).vcf"),
    ("x\n.vcf", "x_.vcf"),
    ("\u00e9.vcf", "\u00e9.vcf"),
    ("e\u0301.vcf", "\u00e9.vcf"),
    (".vcf", "vcf"),
    ("CON.vcf", "_CON.vcf"),
    ("a~b.vcf", "a~b.vcf"),
    ("x" * 255 + ".vcf", "x" * 251 + ".vcf"),
    ("x" * 300 + ".vcf.gz", "x" * 248 + ".vcf.gz"),
    ("\u00e9" * 255 + ".vcf", "\u00e9" * 125 + ".vcf"),
    ("x.vcf.gz.vcf", "x.vcf.gz.vcf"),
    ("x.VCF.GZ", "x.VCF.GZ"),
    ("nosuffix", "nosuffix"),
    ("<img src=x>.vcf", "_img src=x_.vcf"),
    ("a\u202efcv.exe", "a_fcv.exe"),
    ("%2e%2e%2f.vcf", "%2e%2e%2f.vcf"),
    ('a"b\\c.vcf', "a_b_c.vcf"),
    ("a.vcf. ", "a.vcf"),
    ("..", "download"),
    ("", "download"),
    ("\ud800.vcf", "_.vcf"),
]


@pytest.mark.parametrize(("name", "expected"), TRICKS)
def test_a_download_name_is_one_harmless_path_component(name: str, expected: str) -> None:
    assert downloadable(name) == expected


@pytest.mark.parametrize(("name", "_expected"), TRICKS)
def test_the_header_says_the_name_twice_and_a_standard_parser_reads_it_back(name: str, _expected: str) -> None:
    header = content_disposition(name)
    assert re.fullmatch(r"[\x20-\x7e]+", header)
    kind, options = parse_options_header(header)
    assert kind == "attachment"
    assert options["filename"] == downloadable(name)


@given(st.text(max_size=400))
def test_no_name_escapes_its_header_or_folder(name: str) -> None:
    safe = downloadable(name)
    assert 0 < len(safe.encode()) <= MAX_NAME_BYTES
    assert not re.search(r'[\x00-\x1f"/\\]', safe)
    assert not safe.startswith((".", "-"))
    header = content_disposition(name)
    assert re.fullmatch(r"""attachment; filename="[ -!#-~]*"; filename\*=UTF-8''[!#$%&+.0-9A-Z^_`a-z|~-]+""", header)


@given(st.text(max_size=400))
def test_a_kept_name_is_what_was_typed_up_to_255_bytes(name: str) -> None:
    stored = kept(name)
    assert 0 < len(stored.encode()) <= MAX_NAME_BYTES
    if name and len(name.encode("utf-8", "replace")) <= MAX_NAME_BYTES and name.isascii():
        assert stored == name


def test_a_long_name_keeps_what_tells_programs_its_format() -> None:
    assert kept("x" * 300 + ".vcf.gz") == "x" * 248 + ".vcf.gz"


def test_an_absent_name_gets_one() -> None:
    assert kept("") == "unnamed"
