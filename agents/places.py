"""Where in S3 a result's files lie: under the attempt that made them, later under the claim that brought them back.

Each has a folder of its own that nobody else ever writes to, so whatever lies in one that is not in use may go.
"""

from pathlib import PurePosixPath

from gas.job import Job, result_keys
from gas.storage import Storage, result_key


def of_claim(mine: Job) -> str:
    """The folder of the claim that brings a result back."""
    return f"t{mine.tier_attempt}"


def in_use(job: Job) -> set[str]:
    """The folders of the files that the item names."""
    return {PurePosixPath(key).parent.name for key in result_keys(job).values()}


def clear(storage: Storage, job: Job, spare: set[str]) -> None:
    """Delete the result files of every attempt and every claim so far but those in the folders to `spare`.

    Log, receipt and summary stay. A repeat is harmless. Raises what `Storage.delete_under` raises.
    """
    if str(job.attempt) not in spare:
        for key in result_keys(job).values():
            made = result_key(job.user_id, job.job_id, job.attempt, PurePosixPath(key).name)
            storage.delete_under(str(job.s3_results_bucket), made)
    for claim in range(1, job.tier_attempt + 1):
        if f"t{claim}" not in spare:
            storage.delete_attempt(job.user_id, job.job_id, f"t{claim}")
