"""What a Glacier vault of the stand-in holds, as tests look at it."""

import json
from typing import Any

from tests.deployment import until


def archives_in(glacier: Any, vault: str) -> dict[str, str]:
    """Every archive's label, by its id, from an inventory made now."""
    asked = {"Type": "inventory-retrieval", "Format": "JSON"}
    job = glacier.initiate_job(vaultName=vault, jobParameters=asked)["jobId"]
    until(lambda: glacier.describe_job(vaultName=vault, jobId=job)["Completed"])
    listed = json.loads(glacier.get_job_output(vaultName=vault, jobId=job)["body"].read())["ArchiveList"]
    return {entry["ArchiveId"]: entry["ArchiveDescription"] for entry in listed}


def uploads_in(glacier: Any, vault: str) -> list[str]:
    """The labels of all uploads that are neither completed nor aborted."""
    pages = glacier.get_paginator("list_multipart_uploads").paginate(vaultName=vault)
    return [upload["ArchiveDescription"] for page in pages for upload in page["UploadsList"]]


def retrievals_in(glacier: Any, vault: str) -> list[dict[str, Any]]:
    """Every retrieval of an archive that was ever begun."""
    pages = glacier.get_paginator("list_jobs").paginate(vaultName=vault)
    return [job for page in pages for job in page["JobList"] if job["Action"] == "ArchiveRetrieval"]
