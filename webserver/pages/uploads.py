"""The way of a file into the service: a ticket, the upload straight to S3, and the job that it becomes."""

import uuid
from typing import Any

import bottle

from gas import aws, filenames
from gas.jobs import Job
from gas.storage import ObjectInfo
from gas.submissions import submit
from gas.uploads import MAX_OBJECT_BYTES, PRESIGNED_SECONDS, PartsIncomplete, UploadMissing, part_length, part_size
from webserver import problems, tickets, words
from webserver.problems import Link, Problem
from webserver.tickets import Ticket
from webserver.web import Route, Visit

# One answer's worth of part addresses, about 600 bytes each.
MAX_ADDRESSES = 100
# With these in the first answer a small file needs no second request before its bytes move.
FIRST_ADDRESSES = 4
NAME_FIELD = "x-amz-meta-filename"


def show_form(visit: Visit) -> bottle.HTTPResponse:
    """GET /annotate: the upload page; its plain form works without JavaScript."""
    limit = size_limit(visit)
    ticket = _new_ticket(visit)
    confirm = f"{visit.services.settings.site_url}/annotate/job?ticket={tickets.sign(ticket, _key(visit))}"
    # S3 itself puts the chosen file's name in place of ${filename}, in any field.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
    fields = {"success_action_redirect": confirm, NAME_FIELD: "${filename}"}
    form = visit.services.uploads.presigned_post(ticket.key, limit, fields, free_fields=[NAME_FIELD])
    data = {"size_limit": limit, "bundle": visit.services.settings.bundle}
    return visit.page("annotate.html", data, form=form, form_minutes=PRESIGNED_SECONDS // 60)


def start(visit: Visit) -> bottle.HTTPResponse:
    """POST /annotate/uploads {name, size}: a ticket, how to cut the file, and where its first parts go."""
    body = visit.json_body()
    name, size = body.get("name"), body.get("size")
    if not isinstance(name, str) or not _whole(size) or not 0 <= size < 2**63:
        raise Problem(400, "An upload needs the file's name, as text, and its size, a whole number of bytes.")
    _refuse_size(visit, size)
    draft = _new_ticket(visit)
    upload_id = visit.services.uploads.start_multipart(draft.key)
    ticket = Ticket(
        draft.user_id, draft.job_id, draft.expires_at, filenames.kept(name), size, part_size(size), upload_id
    )
    first = range(1, min(FIRST_ADDRESSES, ticket.part_count) + 1)
    answer = {"ticket": tickets.sign(ticket, _key(visit)), "expires_at": ticket.expires_at, **_cut(ticket)}
    return visit.json({**answer, "addresses": _addresses(visit, ticket, first)}, 201)


def parts(visit: Visit) -> bottle.HTTPResponse:
    """POST /annotate/uploads/parts {ticket, numbers?}: where those parts go; without numbers, which parts S3 has."""
    body = visit.json_body()
    ticket = _multipart_ticket(visit, body)
    numbers = body.get("numbers")
    if numbers is None:
        return visit.json({**_cut(ticket), **_progress(visit, ticket)})
    if not isinstance(numbers, list) or not all(map(_whole, numbers)):
        raise Problem(400, "`numbers` must be a list of part numbers.")
    if len(numbers) > MAX_ADDRESSES or any(not 1 <= number <= ticket.part_count for number in numbers):
        raise Problem(
            400, f"This upload has parts 1 to {ticket.part_count}; ask for at most {MAX_ADDRESSES} at a time."
        )
    return visit.json({"addresses": _addresses(visit, ticket, numbers)})


def complete(visit: Visit) -> bottle.HTTPResponse:
    """POST /annotate/uploads/complete {ticket}: join the parts. Twice is the same as once."""
    ticket = _multipart_ticket(visit, visit.json_body())
    services = visit.services
    try:
        there = services.uploads.list_parts(ticket.key, str(ticket.upload_id))
    except UploadMissing:
        return visit.json({"size": _stored(visit, ticket).size})
    size = sum(part.size for part in there)
    if size > size_limit(visit):
        services.uploads.abort_multipart(ticket.key, str(ticket.upload_id))
        _refuse_size(visit, size)
    if _missing(ticket, there):
        raise _parts_missing()
    try:
        made = services.uploads.complete_multipart(ticket.key, str(ticket.upload_id), there)
    except PartsIncomplete:
        raise _parts_missing() from None
    except UploadMissing:
        raise _gone() from None
    return visit.json({"size": made.size})


def abort(visit: Visit) -> bottle.HTTPResponse:
    """POST /annotate/uploads/abort {ticket}: drop the upload and whatever of it is stored."""
    ticket = read_ticket(visit, visit.form("ticket"))
    if visit.services.jobs.get(ticket.job_id) is not None:
        raise problems.moved_on(
            "This file is a job already. Cancel or delete the job on its page.", f"/annotations/{ticket.job_id}"
        )
    visit.services.storage.delete_job(ticket.user_id, ticket.job_id)
    return visit.done({"aborted": True}, "/annotate")


def confirm(visit: Visit) -> bottle.HTTPResponse:
    """GET /annotate/job?ticket=…: where S3 sends a browser after a plain upload; asks before anything is begun.

    S3 adds bucket, key and etag to the address. They are not read: the ticket decides.
    """
    text = visit.query("ticket")
    if not text:
        return visit.redirect("/annotate")
    ticket = read_ticket(visit, text)
    if visit.services.jobs.owned(ticket.job_id, ticket.user_id):
        return visit.redirect(f"/annotations/{ticket.job_id}")
    stored = _stored(visit, ticket)
    _refuse_size(visit, stored.size)
    data = {
        "name": _name(ticket, stored),
        "size": stored.size,
        "bundle": visit.services.settings.bundle,
        "ticket": text,
    }
    return visit.page("annotate_confirm.html", data)


def create_job(visit: Visit) -> bottle.HTTPResponse:
    """POST /annotate/job {ticket}: the uploaded file becomes a job; the same ticket again leads to the same job."""
    job = job_of(visit, visit.form("ticket"))
    location = f"/annotations/{job.job_id}"
    return visit.done({"job_id": job.job_id, "location": location}, location, 201)


def job_of(visit: Visit, text: object) -> Job:
    """The job that the upload of this ticket becomes, or is already."""
    ticket = read_ticket(visit, text)
    services = visit.services
    existing = services.jobs.get(ticket.job_id)
    if existing is None:
        stored = _stored(visit, ticket)
        if not 0 < stored.size <= size_limit(visit):
            services.storage.delete_job(ticket.user_id, ticket.job_id)
            _refuse_size(visit, stored.size)
        # Before the job exists, or a crash between the two would leave a job whose file expires.
        services.uploads.claim(ticket.key, stored.version)
        existing = submit(services.jobs, services.announcer, _job(visit, ticket, stored))
    if existing.delete_time is not None:
        raise _gone()
    return existing


ROUTES = (
    Route("GET", "/annotate", show_form),
    Route("POST", "/annotate/uploads", start),
    Route("POST", "/annotate/uploads/parts", parts),
    Route("POST", "/annotate/uploads/complete", complete),
    Route("POST", "/annotate/uploads/abort", abort),
    Route("GET", "/annotate/job", confirm),
    Route("POST", "/annotate/job", create_job),
)


def size_limit(visit: Visit) -> int:
    """The largest file, in bytes, that this user may have annotated."""
    settings = visit.services.settings
    limit = settings.premium_size_limit if visit.member.premium else settings.free_size_limit
    return min(limit, MAX_OBJECT_BYTES)


def _job(visit: Visit, ticket: Ticket, stored: ObjectInfo) -> Job:
    return Job(
        job_id=ticket.job_id,
        user_id=ticket.user_id,
        user_email=visit.member.email,
        input_file_name=_name(ticket, stored),
        s3_inputs_bucket=visit.services.storage.inputs_bucket,
        s3_key_input_file=ticket.key,
        submit_time=int(visit.services.clock()),
        # With these three a later swap of the object is noticed.
        input_size=stored.size,
        input_etag=stored.etag,
        input_version=stored.version,
        bundle=visit.services.settings.bundle,
    )


def _key(visit: Visit) -> str:
    return aws.secrets(visit.services.settings).session_key


def _new_ticket(visit: Visit) -> Ticket:
    expires_at = int(visit.services.clock()) + tickets.TICKET_SECONDS
    return Ticket(visit.member.user_id, str(uuid.uuid4()), expires_at)


def read_ticket(visit: Visit, text: object) -> Ticket:
    """The signed ticket behind the text, if it is this user's. Raises the 404 and 410 problems."""
    try:
        if not isinstance(text, str):
            raise tickets.TicketRefused
        return tickets.read(text, visit.member.user_id, _key(visit), visit.services.clock())
    except tickets.TicketRefused:
        raise problems.not_found() from None
    except tickets.TicketExpired:
        raise Problem(
            410,
            f"This upload was begun more than {words.duration(tickets.TICKET_SECONDS)} ago and can no longer be used. "
            "Your file is unharmed: choose it again and it is uploaded anew.",
            title="Upload expired",
            code="upload_gone",
            link=Link("/annotate", "Upload again"),
        ) from None


def _multipart_ticket(visit: Visit, body: dict[str, Any]) -> Ticket:
    ticket = read_ticket(visit, body.get("ticket"))
    if ticket.upload_id is None:
        raise problems.not_found()
    return ticket


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _cut(ticket: Ticket) -> dict[str, int]:
    return {"part_size": ticket.part_size, "part_count": ticket.part_count}


def _addresses(visit: Visit, ticket: Ticket, numbers: Any) -> dict[str, str]:
    sign = visit.services.uploads.presign_part
    return {
        str(number): sign(ticket.key, str(ticket.upload_id), number, part_length(ticket.size, ticket.part_size, number))
        for number in numbers
    }


def _progress(visit: Visit, ticket: Ticket) -> dict[str, Any]:
    try:
        there = visit.services.uploads.list_parts(ticket.key, str(ticket.upload_id))
    except UploadMissing:
        _stored(visit, ticket)
        return {"uploaded": list(range(1, ticket.part_count + 1))}
    missing = set(_missing(ticket, there))
    return {"uploaded": [number for number in range(1, ticket.part_count + 1) if number not in missing]}


def _missing(ticket: Ticket, there: Any) -> list[int]:
    sizes = {part.number: part.size for part in there}
    return [
        number
        for number in range(1, ticket.part_count + 1)
        if sizes.get(number) != part_length(ticket.size, ticket.part_size, number)
    ]


def _stored(visit: Visit, ticket: Ticket) -> ObjectInfo:
    stored = visit.services.storage.head(visit.services.storage.inputs_bucket, ticket.key)
    if stored is None:
        raise _gone()
    return stored


def _name(ticket: Ticket, stored: ObjectInfo) -> str:
    return ticket.name or filenames.kept(stored.metadata.get("filename", ""))


def _refuse_size(visit: Visit, size: int) -> None:
    if size == 0:
        raise Problem(
            422,
            "This file is empty. A VCF has at least a header; look whether it was saved or copied to the end.",
            title="Empty file",
            code="empty",
            link=Link("/annotate", "Choose another file"),
        )
    limit = size_limit(visit)
    if size <= limit:
        return
    has, may_have = words.file_size(size), words.file_size(limit)
    if has == may_have:
        has, may_have = words.plural(size, "byte"), words.plural(limit, "byte")
    too_large = f"This file has {has}, and yours may have up to {may_have}."
    if visit.member.premium:
        raise Problem(
            413,
            f"{too_large} Split it, by chromosome for instance, and upload the pieces.",
            title="File too large",
            code="too_large",
            link=Link("/annotate", "Choose another file"),
        )
    raise Problem(
        413,
        f"{too_large} Premium users may upload files of up to "
        f"{words.file_size(visit.services.settings.premium_size_limit)}.",
        title="File too large",
        code="too_large",
        link=Link("/subscribe", "Become a premium user"),
    )


def _parts_missing() -> Problem:
    return Problem(409, "Parts of the file have not arrived yet. Upload them and finish again.", code="parts_missing")


def _gone() -> Problem:
    return Problem(
        410,
        "The uploaded file is not in storage: it was never finished, or it was cancelled or deleted. "
        "Your own copy is unharmed: upload it again.",
        title="Nothing was uploaded",
        code="upload_gone",
        link=Link("/annotate", "Upload again"),
    )
