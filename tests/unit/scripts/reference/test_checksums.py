from pathlib import Path

import pytest

from scripts.reference import checksums


def bsd_sum(content: bytes) -> str:
    """The algorithm of BSD's sum, a 16-bit checksum rotated right before each byte, and the blocks of 1,024 bytes."""
    total = 0
    for byte in content:
        total = ((total >> 1) + ((total & 1) << 15) + byte) & 0xFFFF
    return f"{total} {-(-len(content) // 1024)}"


@pytest.mark.parametrize("content", [b"", b"a", bytes(range(256)) * 9], ids=["nothing", "a byte", "2,304 bytes"])
def test_sum_is_that_of_bsd(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "-rf x"
    path.write_bytes(content)
    assert checksums.of(path, "sum") == bsd_sum(content)


def test_md5(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert checksums.of(tmp_path / "x", "md5") == "900150983cd24fb0d6963f7d28e17f72"


def test_lists_of_publishers() -> None:
    ensembl = "03120 879441 Homo_sapiens.fa.gz\n51234     7 ./README\n"
    assert checksums.published(ensembl, "sum", "Homo_sapiens.fa.gz") == "3120 879441"
    assert checksums.published(ensembl, "sum", "README") == "51234 7"
    ncbi = "900150983cd24fb0d6963f7d28e17f72  /panfs/pan1/clinvar_20261101.vcf.gz\n"
    assert checksums.published(ncbi, "md5", "clinvar.vcf.gz") == "900150983cd24fb0d6963f7d28e17f72"


@pytest.mark.parametrize("text", ["", "<html>gone</html>", "1 2 other"])
@pytest.mark.parametrize("method", ["sum", "md5"])
def test_a_list_without_the_file_is_told(text: str, method: str) -> None:
    with pytest.raises(checksums.NoChecksum, match=r"has none for x\.gz"):
        checksums.published(text, method, "x.gz")


def test_without_the_program_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(checksums.NoChecksum, match="sum, with which"):
        checksums.of(tmp_path, "sum")
