"""Fetches files over HTTP: in parts that survive an interruption, tried again, and checked against a checksum."""

import errno
import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.reference import checksums
from scripts.reference.recipe import RemoteFile

_CHUNK = 1 << 20
_TIMEOUT_SECONDS = 60
# In a row, without a byte in between.
ATTEMPTS = 6
_LONGEST_PAUSE_SECONDS = 60
_TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_USER_AGENT = "gas-build-reference"

# What went wrong on the way, and may go right the next time.
_PASSING = (urllib.error.URLError, http.client.HTTPException, OSError)

Progress = Callable[[str, int], None]


class CannotFetch(Exception):
    """A file cannot be had; str() is one sentence for people."""


class _CutOff(OSError):
    """The connection ended before the file did."""


@dataclass
class Downloader:
    """Fetches into a folder.

    `progress` is told the name of the file and how many more of its bytes are there, `tell` in words why something is
    tried again.
    """

    progress: Progress = lambda name, count: None
    tell: Callable[[str], None] = lambda what: None
    pause: Callable[[float], None] = time.sleep

    def size(self, file: RemoteFile) -> int | None:
        """How many bytes the file has, None where the server does not say. Raises CannotFetch."""
        with self._retried(file.url, lambda: self._open(file.url, method="HEAD")) as answer:
            length = answer.headers.get("Content-Length")
        return int(length) if length else None

    def checksum(self, file: RemoteFile) -> str:
        """What the publisher says the file's checksum is. Raises CannotFetch and NoChecksum."""
        if file.md5:
            return file.md5

        def read() -> bytes:
            with self._open(file.checksums) as answer:
                content: bytes = answer.read()
            return content

        text = self._retried(file.checksums, read).decode("utf-8", "replace")
        return checksums.published(text, file.method, file.name)

    def fetch(self, file: RemoteFile, folder: Path) -> bool:
        """Have the file in the folder, checked; returns whether anything had to be fetched.

        A file that was checked before is kept as long as the publisher's checksum stays the same. What an interrupted
        download left is continued. Raises CannotFetch when it cannot be had, or is not what its checksum says twice.
        """
        folder.mkdir(parents=True, exist_ok=True)
        target, verified = folder / file.name, folder / f"{file.name}.{file.method}"
        expected = self.checksum(file)
        if target.exists() and verified.exists() and verified.read_text("ascii") == expected:
            return False
        for again in (False, True):
            part = self._complete(file, folder)
            if checksums.of(part, file.method) == expected:
                break
            self.progress(file.name, -part.stat().st_size)
            _forget(part)
            if not again:
                # The publisher may have replaced both between our two questions.
                expected = self.checksum(file)
        else:
            raise CannotFetch(f"{file.url} was fetched twice and is not what its checksum ({file.method}) says.")
        part.rename(target)
        _forget(part)
        verified.write_text(expected, encoding="ascii")
        return True

    def _complete(self, file: RemoteFile, folder: Path) -> Path:
        part = folder / f"{file.name}.part"
        before = -1
        failures = 0
        while True:
            try:
                self._continue(file, part)
                return part
            except _PASSING as error:
                reached = part.stat().st_size if part.exists() else 0
                failures = 0 if reached > before else failures + 1
                before = reached
                self._give_up_or_pause(file.url, error, failures)

    def _continue(self, file: RemoteFile, part: Path) -> None:
        """Fetch what is missing of a file, from the beginning where the server has another one by now."""
        have = part.stat().st_size if part.exists() else 0
        version = _version_file(part)
        headers = {}
        if have and version.exists():
            headers = {"Range": f"bytes={have}-", "If-Range": version.read_text("latin-1")}
        try:
            answer = self._open(file.url, headers)
        except urllib.error.HTTPError as error:
            if error.code == 416:
                # All of it is here, or more than there is; the checksum tells.
                return
            raise
        with answer:
            total = answer.headers.get("Content-Length")
            end = int(total) if total else None
            found = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range") or "")
            if answer.status == 206 and found and int(found[1]) == have:
                end = int(found[2]) if found[2] != "*" else None
            else:
                self.progress(file.name, -have)
                have = 0
            # Only a strong validator tells two versions of a file apart byte by byte.
            tag = answer.headers.get("ETag") or ""
            validator = tag if tag.startswith('"') else answer.headers.get("Last-Modified")
            with part.open("r+b" if have else "wb") as out:
                out.seek(have)
                if not have:
                    version.unlink(missing_ok=True)
                    if validator:
                        version.write_text(validator, encoding="latin-1")
                while piece := answer.read(_CHUNK):
                    out.write(piece)
                    have += len(piece)
                    self.progress(file.name, len(piece))
        if end is not None and have < end:
            raise _CutOff(f"the connection ended after {have:,} of {end:,} bytes")

    def _retried(self, url: str, ask: Callable[[], Any]) -> Any:
        failures = 0
        while True:
            try:
                return ask()
            except _PASSING as error:
                failures += 1
                self._give_up_or_pause(url, error, failures)

    def _give_up_or_pause(self, url: str, error: Exception, failures: int) -> None:
        """Wait before the next attempt; raises CannotFetch where there is no hope, or has been none often enough."""
        if isinstance(error, urllib.error.HTTPError):
            if error.code not in _TRY_AGAIN:
                raise CannotFetch(f"{url} cannot be fetched: the server says {error.code} {error.reason}.") from error
            reason = f"the server says {error.code} {error.reason}"
        elif isinstance(error, urllib.error.URLError):
            reason = str(error.reason)
        elif isinstance(error, OSError) and (error.filename is not None or error.errno in _DISK_FULL):
            # Of the file it is written to, not of the connection.
            raise CannotFetch(f"{url} cannot be written to disk: {error.strerror}.") from error
        else:
            reason = str(error) or type(error).__name__
        if failures >= ATTEMPTS:
            raise CannotFetch(f"{url} cannot be fetched: {reason}; run this again to go on.") from error
        seconds = min(2**failures, _LONGEST_PAUSE_SECONDS)
        self.tell(f"{url}: {reason}; going on in {seconds} s.")
        self.pause(seconds)

    def _open(self, url: str, headers: dict[str, str] | None = None, method: str = "GET") -> Any:
        if not url.startswith(("https://", "http://")):
            raise CannotFetch(f"{url} is no address of a web server.")
        request = urllib.request.Request(url, headers={"User-Agent": _USER_AGENT, **(headers or {})}, method=method)  # noqa: S310
        return urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)  # noqa: S310


def present(file: RemoteFile, folder: Path) -> int:
    """How many bytes of a file are in the folder already."""
    paths = (folder / file.name, folder / f"{file.name}.part")
    return next((path.stat().st_size for path in paths if path.exists()), 0)


def _version_file(part: Path) -> Path:
    return Path(f"{part}.version")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _version_file(part).unlink(missing_ok=True)
