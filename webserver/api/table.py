"""Every operation of `/api/v1`."""

from webserver.api import account as own
from webserver.api import models, wes
from webserver.api.idempotency import LONGEST_KEY
from webserver.api.operations import Operation, Parameter
from webserver.pages import account, annotations, downloads, uploads

JOB = "/jobs/<job_id:re:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}>"
LISTING = (
    Parameter("status", {"type": "string", "enum": list(annotations.JobStatus)}, "Only jobs in this status"),
    Parameter("limit", {"type": "integer", "minimum": 1, "maximum": annotations.MAX_PAGE_JOBS}, "Jobs a page"),
    Parameter("after", {"type": "string", "pattern": r"^[0-9]{1,12}\.[0-9a-f-]{36}$"}, "`next` of the page before"),
)
ONE_JOB = Parameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
    "Names this job: for a day, the same key with another upload is refused",
    "header",
)

OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "", own.deployment, "How to sign in here", models.Deployment, signed_in=False),
    Operation("GET", "/account", account.profile, "Who the token belongs to", models.Account),
    Operation(
        "POST",
        "/account",
        own.open_account,
        "Make an account, or bring it up to date",
        models.Account,
        refusals=(401, 409),
        signed_in=False,
    ),
    Operation(
        "PUT",
        "/account/subscription",
        own.change_subscription,
        "Become a premium or a free user",
        models.Subscription,
        takes=models.NewSubscription,
    ),
    Operation("GET", "/bundles", own.bundles, "The reference bundles", models.Bundles),
    Operation(
        "POST",
        "/uploads",
        uploads.start,
        "Begin an upload in parts",
        models.StartedUpload,
        201,
        models.NewUpload,
        refusals=(413, 422),
    ),
    Operation(
        "POST",
        "/uploads/parts",
        uploads.parts,
        "Addresses of parts, or which parts have arrived",
        models.Parts,
        takes=models.PartsQuery,
        refusals=(404, 410),
    ),
    Operation(
        "POST",
        "/uploads/complete",
        uploads.complete,
        "Join the parts",
        models.StoredUpload,
        takes=models.UploadTicket,
        refusals=(404, 409, 410, 413, 422),
    ),
    Operation(
        "POST",
        "/uploads/abort",
        uploads.abort,
        "Drop an upload",
        models.AbortedUpload,
        takes=models.UploadTicket,
        refusals=(404, 409, 410),
    ),
    Operation("GET", "/jobs", annotations.index, "Your jobs, newest first", models.JobPage, parameters=LISTING),
    Operation(
        "POST",
        "/jobs",
        own.create_job,
        "Make a job of an uploaded file",
        models.CreatedJob,
        201,
        models.NewJob,
        parameters=(ONE_JOB,),
        refusals=(404, 410, 413, 422),
    ),
    Operation("GET", JOB, annotations.show, "One job", models.JobDetails, refusals=(404,)),
    Operation("DELETE", JOB, annotations.delete, "Delete a finished job", models.DeletedJob, refusals=(404, 409)),
    Operation("POST", f"{JOB}/cancel", annotations.cancel, "Stop a job", models.ChangedJob, refusals=(404, 409)),
    Operation(
        "POST", f"{JOB}/retry", annotations.retry, "Begin a failed job anew", models.ChangedJob, refusals=(404, 409)
    ),
    Operation("GET", f"{JOB}/log", annotations.log, "The job's log", models.JobLog, refusals=(404,)),
    Operation(
        "GET",
        f"{JOB}/files/<what:re:input|result|index|log|receipt>",
        downloads.download,
        "One of the job's files: a redirect to a URL that is good for a minute",
        None,
        303,
        refusals=(403, 404, 409),
    ),
    *wes.OPERATIONS,
)
