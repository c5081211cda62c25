"""Downloads survive cut-offs, busy servers and files that change under them, and end checked or in a sentence."""

import hashlib
from pathlib import Path

import pytest

from scripts.reference.checksums import NoChecksum
from scripts.reference.download import ATTEMPTS, CannotFetch, Downloader, present
from scripts.reference.recipe import RemoteFile
from tests.unit.scripts.reference.publisher import Publisher

CONTENT = bytes(range(256)) * 20
PATH = "/pub/data.gz"


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def file(site: Publisher) -> RemoteFile:
    site.files = {PATH: CONTENT, f"{PATH}.md5": f"{md5(CONTENT)}  /panfs/somewhere/data_2026.gz\n".encode()}
    return RemoteFile(f"{site.url}{PATH}", "md5", f"{site.url}{PATH}.md5")


class Watcher:
    """A downloader and what it said and did."""

    def __init__(self) -> None:
        self.progress = 0
        self.told: list[str] = []
        self.pauses: list[float] = []
        self.downloader = Downloader(self._progress, self.told.append, self.pauses.append)

    def _progress(self, name: str, count: int) -> None:
        assert name == "data.gz"
        self.progress += count


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


def test_a_file_is_fetched_once(site: Publisher, file: RemoteFile, watcher: Watcher, tmp_path: Path) -> None:
    assert watcher.downloader.size(file) == len(CONTENT)
    assert watcher.downloader.fetch(file, tmp_path / "new")
    assert (tmp_path / "new" / "data.gz").read_bytes() == CONTENT
    assert watcher.progress == len(CONTENT)
    assert not watcher.downloader.fetch(file, tmp_path / "new")
    assert site.gets(PATH) == [""]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["data.gz", "data.gz.md5"]


def test_a_cut_off_file_is_continued(site: Publisher, file: RemoteFile, watcher: Watcher, tmp_path: Path) -> None:
    site.faults = {PATH: ["cut 1000", "503", "cut 0", "cut 70"]}
    assert watcher.downloader.fetch(file, tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert site.gets(PATH) == ["", "bytes=1000-", "bytes=1000-", "bytes=1000-", "bytes=1070-"]
    assert watcher.progress == len(CONTENT)
    assert watcher.pauses == [1, 2, 4, 1]
    assert "the connection ended after 1,000 of 5,120 bytes; going on in 1 s" in watcher.told[0]
    assert "the server says 503" in watcher.told[1]


def test_another_run_continues_too(site: Publisher, file: RemoteFile, watcher: Watcher, tmp_path: Path) -> None:
    site.faults = {PATH: ["cut 1000", "404"]}
    with pytest.raises(CannotFetch, match="the server says 404"):
        watcher.downloader.fetch(file, tmp_path)
    assert present(file, tmp_path) == 1000
    again = Watcher()
    assert again.downloader.fetch(file, tmp_path)
    assert site.gets(PATH)[-1] == "bytes=1000-"
    assert again.progress == len(CONTENT) - 1000
    assert present(file, tmp_path) == len(CONTENT)


def test_a_file_that_changed_meanwhile_begins_anew(
    site: Publisher, file: RemoteFile, watcher: Watcher, tmp_path: Path
) -> None:
    site.faults = {PATH: ["cut 1000", "404"]}
    with pytest.raises(CannotFetch):
        watcher.downloader.fetch(file, tmp_path)
    new = CONTENT[::-1] + b"more"
    site.files |= {PATH: new, f"{PATH}.md5": md5(new).encode()}
    assert watcher.downloader.fetch(file, tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == new
    assert watcher.progress == len(new)


@pytest.mark.parametrize("missing", ["ranges", "etags"])
def test_servers_that_cannot_continue_begin_anew(
    site: Publisher, file: RemoteFile, watcher: Watcher, tmp_path: Path, missing: str
) -> None:
    setattr(site, missing, False)
    site.faults = {PATH: ["cut 1000", "cut 3000"]}
    assert watcher.downloader.fetch(file, tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert watcher.progress == len(CONTENT)


def test_a_server_that_does_not_say_the_size(
    site: Publisher, file: RemoteFile, watcher: Watcher, tmp_path: Path
) -> None:
    site.lengths = False
    assert watcher.downloader.size(file) is None
    assert watcher.downloader.fetch(file, tmp_path)


def test_a_published_update_is_fetched(site: Publisher, file: RemoteFile, watcher: Watcher, tmp_path: Path) -> None:
    """ClinVar's file is another each week under one name."""
    watcher.downloader.fetch(file, tmp_path)
    site.files |= {PATH: b"new", f"{PATH}.md5": md5(b"new").encode()}
    assert watcher.downloader.fetch(file, tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == b"new"


def test_a_damaged_part_is_fetched_again(site: Publisher, file: RemoteFile, watcher: Watcher, tmp_path: Path) -> None:
    site.faults = {PATH: ["cut 1000", "404"]}
    with pytest.raises(CannotFetch):
        watcher.downloader.fetch(file, tmp_path)
    (tmp_path / "data.gz.part").write_bytes(bytes(1000))
    assert watcher.downloader.fetch(file, tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_fetched_again(
    site: Publisher, file: RemoteFile, watcher: Watcher, tmp_path: Path
) -> None:
    site.faults = {PATH: ["cut 1000", "404"]}
    with pytest.raises(CannotFetch):
        watcher.downloader.fetch(file, tmp_path)
    (tmp_path / "data.gz.part").write_bytes(bytes(len(CONTENT)))
    assert watcher.downloader.fetch(file, tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT


def test_what_is_never_right_is_told(site: Publisher, file: RemoteFile, watcher: Watcher, tmp_path: Path) -> None:
    site.files[f"{PATH}.md5"] = ("0" * 32).encode()
    with pytest.raises(CannotFetch, match=r"data\.gz was fetched twice and is not what its checksum \(md5\) says"):
        watcher.downloader.fetch(file, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert watcher.progress == 0


def test_a_server_that_stays_away_is_told(site: Publisher, file: RemoteFile, watcher: Watcher, tmp_path: Path) -> None:
    site.faults = {PATH: ["503"] * 99}
    with pytest.raises(CannotFetch, match="503 Service Unavailable; run this again to go on"):
        watcher.downloader.fetch(file, tmp_path)
    assert len(site.gets(PATH)) == ATTEMPTS + 1
    with pytest.raises(CannotFetch, match="Connection refused"):
        watcher.downloader.size(RemoteFile("http://127.0.0.1:9/x", "md5"))


def test_other_addresses_are_refused(watcher: Watcher) -> None:
    with pytest.raises(CannotFetch, match="no address of a web server"):
        watcher.downloader.size(RemoteFile("file:///etc/passwd", "md5"))


def test_a_list_without_the_file_is_told(site: Publisher, watcher: Watcher, tmp_path: Path) -> None:
    site.files = {"/pub/CHECKSUMS": b"12345 6 other.gz\n"}
    with pytest.raises(NoChecksum, match=r"has none for data\.gz"):
        watcher.downloader.fetch(RemoteFile(f"{site.url}{PATH}", "sum", f"{site.url}/pub/CHECKSUMS"), tmp_path)


def test_a_disk_that_cannot_be_written_is_told(
    site: Publisher, file: RemoteFile, watcher: Watcher, tmp_path: Path
) -> None:
    (tmp_path / "data.gz.part").mkdir()
    with pytest.raises(CannotFetch, match="cannot be written to disk: Is a directory"):
        watcher.downloader.fetch(file, tmp_path)
