"""Reads a form upload as S3 reads it: the fields, then one file, which may be large.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from .s3_request import S3Error

# "The form data and boundaries (excluding the contents of the file) cannot exceed 20 KB."
LARGEST_FIELDS_BYTES = 20_480
SPOOL_BYTES = 2**20
READ_BYTES = 2**16

Judge = Callable[[dict[str, str]], int]


@dataclass
class Form:
    """The fields before the file, by lower-case name; fields after it are ignored, as S3 ignores them."""

    fields: dict[str, str]
    file: IO[bytes]
    size: int


def read_form(stream: IO[bytes], length: int, content_type: str, judge: Judge) -> Form:
    """Reads the fields, asks `judge` for the largest size they allow, then reads the file into a temporary file.

    Raises S3Error; the caller closes the file.
    """
    boundary = parse_options_header(content_type)[1].get("boundary", "")
    if not boundary:
        raise _not_well_formed()
    events = _events(MultipartDecoder(boundary.encode("latin-1")), stream, length)
    fields, filename = _read_fields(events)
    fields = {name: value.replace("${filename}", filename) for name, value in fields.items()}
    file: IO[bytes] = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115
    try:
        size = _read_file(events, file, length, judge(fields))
        if any(_is_file(event) for event in events):
            raise _not_one_file()
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return Form(fields, file, size)


def _events(decoder: MultipartDecoder, stream: IO[bytes], left: int) -> Iterator[Event]:
    while True:
        try:
            event = decoder.next_event()
            if isinstance(event, NeedData):
                data = stream.read(min(READ_BYTES, left))
                left -= len(data)
                decoder.receive_data(data or None)
                continue
        except ValueError:
            raise _not_well_formed() from None
        yield event
        if isinstance(event, Epilogue):
            return


def _is_file(event: Event) -> bool:
    return isinstance(event, File) or (isinstance(event, Field) and event.name.lower() == "file")


def _read_fields(events: Iterator[Event]) -> tuple[dict[str, str], str]:
    """The fields up to the file, and the file's name without any folder."""
    fields: dict[str, str] = {}
    name, value, total = "", b"", 0
    for event in events:
        if _is_file(event):
            return fields, re.split(r"[\\/]", getattr(event, "filename", "") or "")[-1]
        if isinstance(event, Field):
            name, value = event.name.lower(), b""
        elif isinstance(event, Data):
            value += event.data
            total += len(event.data)
            if total > LARGEST_FIELDS_BYTES:
                message = "Your POST request fields preceding the upload file were too large."
                raise S3Error(400, "MaxPostPreDataLengthExceeded", message)
            fields[name] = value.decode("utf-8", "replace")
    raise _not_one_file()


def _read_file(events: Iterator[Event], file: IO[bytes], announced: int, limit: int) -> int:
    size = 0
    for event in events:
        if not isinstance(event, Data):
            break
        size += len(event.data)
        if size > limit:
            details = {"ProposedSize": str(max(size, announced)), "MaxSizeAllowed": str(limit)}
            raise S3Error(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", details)
        file.write(event.data)
        if not event.more_data:
            break
    return size


def _not_well_formed() -> S3Error:
    message = "The body of your POST request is not well-formed multipart/form-data."
    return S3Error(400, "MalformedPOSTRequest", message)


def _not_one_file() -> S3Error:
    return S3Error(400, "InvalidArgument", "POST requires exactly one file upload per request.")
