"""Glacier vaults over HTTP. Nothing of moto's own is used but its routing.

moto's archive id is the MD5 of the body, its tree hash is wrong above a mebibyte, it accepts any archive id, and it has
no multipart uploads, tiers, ranges, notices, tags, policies or locks.
https://docs.aws.amazon.com/amazonglacier/latest/dev/amazon-glacier-api.html
"""

import hashlib
import re

import moto.glacier.urls
from moto.glacier.models import glacier_backends

from . import glacier_jobs
from .files import keep
from .glacier_base import Answer, invalid, lock, missing, not_found
from .glacier_jobs import BadJob, NotThere
from .glacier_vault import (
    LARGEST_PART_BYTES,
    LONGEST_DESCRIPTION,
    MIB,
    MOST_PARTS,
    Archive,
    Job,
    Part,
    Upload,
    Vault,
    leaf_hashes,
    new_id,
    tree_hash,
)
from .glacier_vaults import VaultOperations
from .timers import timers

VAULT_PATH = "{0}/(?P<account_number>[^/]+)/vaults/(?P<vault_name>[^/]+)"
VAULT_SUBPATHS = (
    "tags",
    "access-policy",
    "notification-configuration",
    "lock-policy",
    "lock-policy/(?P<lock_id>[^/]+)",
    "archives",
    "archives/(?P<archive_id>[^/]+)",
    "multipart-uploads",
    "multipart-uploads/(?P<upload_id>[^/]+)",
    "jobs",
    "jobs/(?P<job_id>[^/]+)",
    "jobs/(?P<job_id>[^/]+)/output",
)


class VaultResponse(VaultOperations):
    """All of Glacier's operations; here those on archives, uploads and jobs."""

    # --- archives

    def _description(self) -> str:
        text = self.headers.get("x-amz-archive-description") or ""
        if len(text) > LONGEST_DESCRIPTION or not re.fullmatch(r"[ -~]*", text):
            raise invalid("Invalid archive description: at most 1,024 printable ASCII characters")
        return text

    def _check_body(self) -> list[bytes]:
        """The leaf hashes of the body, after both of its checksums were found right."""
        leaves, told = leaf_hashes([self.body]), self.headers.get("x-amz-sha256-tree-hash")
        if not told:
            raise missing("x-amz-sha256-tree-hash")
        if told != tree_hash(leaves):
            raise invalid(f"Checksum mismatch: expected {told} but received {tree_hash(leaves)}")
        linear = self.headers.get("x-amz-content-sha256")
        if not linear:
            raise missing("x-amz-content-sha256")
        if linear != hashlib.sha256(self.body).hexdigest():
            raise invalid("The value passed in as x-amz-content-sha256 does not match the computed payload hash.")
        return leaves

    def _stored(self, vault: Vault, archive_id: str, digest: str) -> Answer:
        location = f"/{self.current_account}/vaults/{vault.name}/archives/{archive_id}"
        headers = {"x-amz-archive-id": archive_id, "x-amz-sha256-tree-hash": digest, "Location": location}
        return self._empty(201, headers)

    # https://docs.aws.amazon.com/amazonglacier/latest/dev/api-archive-post.html
    def upload_archive(self) -> Answer:
        vault, description = self._vault(), self._description()
        if not self.body:
            raise invalid("Invalid Content-Length: 0")
        archive: Archive = vault.add(keep(self.body), self._check_body(), description)
        return self._stored(vault, archive.id, archive.tree_hash)

    # "This operation is idempotent. Attempting to delete an already-deleted archive does not result in an error."
    # https://docs.aws.amazon.com/amazonglacier/latest/dev/api-archive-delete.html
    def delete_archive(self) -> Answer:
        vault, archive_id = self._vault(), self._last()
        if archive_id in vault.archives:
            vault.delete(archive_id)
        elif archive_id not in vault.deleted:
            raise not_found(f"The archive ID was not found: {archive_id}")
        return self._empty()

    # --- multipart uploads: https://docs.aws.amazon.com/amazonglacier/latest/dev/multipart-archive-operations.html

    def initiate_multipart_upload(self) -> Answer:
        vault, asked = self._vault(), self.headers.get("x-amz-part-size")
        if not asked:
            raise missing("x-amz-part-size")
        size = int(asked) if asked.isdigit() else 0
        if not MIB <= size <= LARGEST_PART_BYTES or size & (size - 1):
            raise invalid(f"Invalid part size: {asked}; it must be a power of two from 1 MiB to 4 GiB")
        upload = Upload(new_id(69), size, self._description())
        vault.uploads[upload.id] = upload
        location = f"/{self.current_account}/vaults/{vault.name}/multipart-uploads/{upload.id}"
        return self._empty(201, {"x-amz-multipart-upload-id": upload.id, "Location": location})

    def _upload(self, vault: Vault) -> Upload:
        upload = vault.uploads.get(self._last())
        if upload is None:
            raise not_found(f"The upload ID was not found: {self._last()}")
        return upload

    # https://docs.aws.amazon.com/amazonglacier/latest/dev/api-upload-part.html
    def upload_multipart_part(self) -> Answer:
        upload = self._upload(self._vault())
        told = self.headers.get("Content-Range")
        found = re.fullmatch(r"bytes (\d+)-(\d+)/\*", told or "")
        if found is None:
            raise invalid(f"Invalid Content-Range: {told}")
        start, end = int(found[1]), int(found[2])
        if end - start + 1 != len(self.body) or not self.body:
            raise invalid(f"Content-Range does not match the length of the body: {told}")
        if start % upload.part_size or len(self.body) > upload.part_size:
            raise invalid(f"Content-Range does not align with the part size: {told}")
        if start // upload.part_size >= MOST_PARTS:
            raise invalid(f"An upload has at most {MOST_PARTS} parts")
        leaves = self._check_body()
        replaced = upload.parts.get(start)
        upload.parts[start] = Part(keep(self.body), leaves)
        if replaced is not None:
            replaced.body.drop()
        return self._empty(204, {"x-amz-sha256-tree-hash": tree_hash(leaves)})

    def list_parts(self) -> Answer:
        vault = self._vault()
        upload = self._upload(vault)
        parts = [
            {"RangeInBytes": f"{start}-{start + part.body.size - 1}", "SHA256TreeHash": tree_hash(part.leaves)}
            for start, part in sorted(upload.parts.items())
        ]
        return self._page("Parts", parts, "RangeInBytes", **upload.listed(vault.arn))

    def list_multipart_uploads(self) -> Answer:
        vault = self._vault()
        listed = [upload.listed(vault.arn) for upload in vault.uploads.values()]
        return self._page("UploadsList", listed, "MultipartUploadId")

    # "… if you call the operation again within a short period, the operation will succeed and return the same archive
    # ID."
    # https://docs.aws.amazon.com/amazonglacier/latest/dev/api-multipart-complete-upload.html
    def complete_multipart_upload(self) -> Answer:
        vault = self._vault()
        if self._last() in vault.completed:
            return self._stored(vault, *vault.completed[self._last()])
        upload = self._upload(vault)
        told, size = self.headers.get("x-amz-sha256-tree-hash"), self.headers.get("x-amz-archive-size")
        if not told:
            raise missing("x-amz-sha256-tree-hash")
        if not size:
            raise missing("x-amz-archive-size")
        gap = upload.gap(int(size))
        if gap or not upload.parts:
            raise invalid(f"Invalid archive size or parts: {gap or 'no part was uploaded'}")
        digest = tree_hash([leaf for _, part in sorted(upload.parts.items()) for leaf in part.leaves])
        if told != digest:
            raise invalid(f"Checksum mismatch: expected {told} but received {digest}")
        archive = vault.add(*upload.join(), upload.description)
        upload.drop()
        del vault.uploads[upload.id]
        vault.completed[upload.id] = (archive.id, digest)
        return self._stored(vault, archive.id, digest)

    # "This operation is idempotent."
    # https://docs.aws.amazon.com/amazonglacier/latest/dev/api-multipart-abort-upload.html
    def abort_multipart_upload(self) -> Answer:
        vault = self._vault()
        if self._last() in vault.aborted:
            return self._empty()
        upload = self._upload(vault)
        upload.drop()
        del vault.uploads[upload.id]
        vault.aborted.add(upload.id)
        return self._empty()

    # --- jobs

    def initiate_job(self) -> Answer:
        vault = self._vault()
        try:
            job = glacier_jobs.start(vault, self._asked(), self.current_account, self.region)
        except BadJob as error:
            raise invalid(str(error)) from None
        except NotThere as error:
            raise not_found(str(error)) from None
        location = f"/{self.current_account}/vaults/{vault.name}/jobs/{job.id}"
        return self._empty(202, {"x-amz-job-id": job.id, "Location": location})

    def _job(self) -> Job:
        job_id = self.parsed_url.path.split("/jobs/")[1].split("/")[0]
        job = self._vault().jobs.get(job_id)
        if job is None:
            raise not_found(f"The job ID was not found: {job_id}")
        return job

    def describe_job(self) -> Answer:
        return self._json(self._job().description)

    def list_jobs(self) -> Answer:
        jobs = [job.description for job in self._vault().jobs.values()]
        completed = self.querystring.get("completed", [None])[0]
        if completed is not None:
            jobs = [job for job in jobs if job["Completed"] == (completed == "true")]
        status = self.querystring.get("statuscode", [None])[0]
        if status is not None:
            jobs = [job for job in jobs if job["StatusCode"] == status]
        return self._page("JobList", jobs, "JobId")

    # https://docs.aws.amazon.com/amazonglacier/latest/dev/api-job-output-get.html
    def get_job_output(self) -> Answer:
        job = self._job()
        if job.output is None:
            raise invalid(f"The job is not currently available for download: {job.id}")
        size, asked = job.output.size, self.headers.get("Range")
        headers = {"content-type": job.content_type, "Accept-Ranges": "bytes"}
        if not asked:
            start, end, status = 0, size - 1, 200
        else:
            found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked)
            start, end = (int(found[1]), int(found[2] or size - 1)) if found is not None else (1, 0)
            if not start <= end or start >= size:
                raise invalid(f"Invalid range: {asked}")
            end, status = min(end, size - 1), 206
            headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        if job.archive is not None:
            headers["x-amz-archive-description"] = job.archive.description
            if start % MIB == 0 and ((end + 1) % MIB == 0 or end == size - 1):
                digest = job.archive.range_hash(job.offset + start, job.offset + end)
                headers["x-amz-sha256-tree-hash"] = digest
        output = job.output[start : end + 1]
        return status, {**headers, "content-length": str(output.size), "status": str(status)}, output


def _timed(account: str, region: str, vault_name: str, job_id: str) -> tuple[Vault, Job] | None:
    vault = glacier_backends[account][region].vaults.get(vault_name)
    job = vault.jobs.get(job_id) if vault is not None else None
    return None if vault is None or job is None else (vault, job)


def _finish(account: str, region: str, vault_name: str, job_id: str) -> None:
    with lock:
        found = _timed(account, region, vault_name, job_id)
        if found is not None:
            glacier_jobs.finish(*found, account, region)


def _expire(account: str, region: str, vault_name: str, job_id: str) -> None:
    with lock:
        found = _timed(account, region, vault_name, job_id)
        if found is not None:
            glacier_jobs.expire(*found)


def install() -> None:
    timers.handlers[glacier_jobs.FINISH] = _finish
    timers.handlers[glacier_jobs.EXPIRE] = _expire
    paths = {"{0}/(?P<account_number>[^/]+)/vaults$": VaultResponse.dispatch, f"{VAULT_PATH}$": VaultResponse.dispatch}
    paths.update({f"{VAULT_PATH}/{subpath}$": VaultResponse.dispatch for subpath in VAULT_SUBPATHS})
    moto.glacier.urls.url_paths = paths
