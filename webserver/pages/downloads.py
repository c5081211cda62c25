"""Downloads: each is a redirect to a presigned URL that is good for a minute."""

from dataclasses import dataclass
from pathlib import PurePosixPath

import bottle

from gas.job import Job
from webserver.problems import Link, Problem, not_found
from webserver.reading import JOB, Reading, readable
from webserver.results import Access, availability
from webserver.web import Route, Visit

DOWNLOAD_SECONDS = 60
INPUT_SUFFIXES = (".vcf.gz", ".vcf.bgz", ".vcf", ".bcf", ".gz", ".bgz")


@dataclass(frozen=True)
class _Object:
    bucket: str | None
    key: str | None
    name: str
    content_type: str
    version: str | None = None


def download(visit: Visit, what: str, **address: str) -> bottle.HTTPResponse:
    """Send the browser to one of the job's files."""
    reading = readable(visit, f"download of {what}", **address)
    if what in ("result", "index"):
        refuse_closed(visit, reading)
    return visit.redirect(address_of(visit, reading, what))


def address_of(visit: Visit, reading: Reading, what: str) -> str:
    """Where one of the job's files can be read for a minute. Raises the problem of a file that is not there."""
    wanted = _objects(reading.job)[what]
    if wanted.bucket is None or wanted.key is None:
        raise not_found()
    if visit.services.storage.head(wanted.bucket, wanted.key, wanted.version) is None:
        raise Problem(
            404,
            "This file is no longer in storage.",
            title="The file is gone",
            link=Link(reading.here, "Back to the job"),
        )
    return visit.services.storage.presign_get(
        wanted.bucket, wanted.key, wanted.name, wanted.content_type, wanted.version, DOWNLOAD_SECONDS
    )


def refuse_closed(visit: Visit, reading: Reading) -> None:
    """Raises the problem that says why a result cannot be had now, if it cannot."""
    settings, now = visit.services.settings, visit.services.clock()
    access = availability(reading.job, reading.owner, settings.free_window, now).access
    if access is Access.EXPIRED:
        own = reading.share is None
        raise Problem(
            403,
            "The time in which this result could be downloaded without a subscription is over. "
            + ("It is kept: subscribe and it comes back." if own else "It is kept: its owner can bring it back."),
            title="The result is archived",
            code="expired",
            link=Link("/subscribe", "Subscribe") if own else Link(reading.here, "Back to the job"),
        )
    if access is Access.RESTORING:
        raise Problem(
            409,
            "This result is on its way back from the archive, which takes up to a few hours. "
            "The job's page shows when it is here.",
            title="Not back yet",
            code="restoring",
            link=Link(reading.here, "Back to the job"),
        )


def _objects(job: Job) -> dict[str, _Object]:
    name = stem(job.input_file_name)
    results = job.s3_results_bucket
    bgzf = "application/gzip"
    # Contigs beyond 512 Mb are indexed in another format.
    index = PurePosixPath(job.s3_key_index_file or ".tbi").suffix
    return {
        "input": _Object(
            job.s3_inputs_bucket,
            job.s3_key_input_file,
            job.input_file_name,
            "application/octet-stream",
            job.input_version,
        ),
        "result": _Object(results, job.s3_key_result_file, f"{name}.annotated.vcf.gz", bgzf),
        "index": _Object(results, job.s3_key_index_file, f"{name}.annotated.vcf.gz{index}", bgzf),
        "log": _Object(results, job.s3_key_log_file, f"{name}.log.txt", "text/plain; charset=utf-8"),
        "receipt": _Object(results, job.s3_key_receipt_file, f"{name}.receipt.json", "application/json"),
    }


def stem(name: str) -> str:
    """The name of a user's file without the suffixes of its format."""
    suffix = next((suffix for suffix in INPUT_SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(suffix)] or "annotation"


ROUTES = (Route("GET", f"{JOB}/download/<what:re:input|result|index|log|receipt>", download),)
