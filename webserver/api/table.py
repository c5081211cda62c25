"""Every operation of `/api/v1`."""

from collections.abc import Iterable

from gas.annotation import terms
from gas.explore import filters, view
from webserver.api import account as own
from webserver.api import models, wes
from webserver.api.idempotency import LONGEST_KEY
from webserver.api.operations import Operation, Parameter
from webserver.pages import account, annotations, downloads, shares, uploads, variants, webhooks

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


def _any_of(name: str, description: str, values: Iterable[str] = ()) -> Parameter:
    """A parameter that may be given several times: any of its values will do."""
    of_one = {"type": "string", "enum": list(values)} if values else {"type": "string", "minLength": 1}
    return Parameter(name, {"type": "array", "items": of_one, "maxItems": filters.MOST_VALUES}, description)


_FREQUENCY = {"type": "number", "minimum": 0, "maximum": 1}
FILTER = (
    _any_of("gene", "Symbol or id of a gene, on any transcript"),
    _any_of("region", "CONTIG, CONTIG:POSITION or CONTIG:START-END, 1-based, both ends included"),
    _any_of("consequence", "Sequence Ontology term of the most severe consequence", terms.NAMES),
    _any_of("impact", "Impact of the most severe consequence", filters.IMPACTS),
    _any_of("clinvar", "ClinVar's classification", filters.CLINVAR),
    Parameter("max_af", _FREQUENCY, "Highest frequency in any database; unknown counts as 0"),
    Parameter("min_af", _FREQUENCY, "Lowest frequency"),
    Parameter("min_qual", {"type": "number"}, "Lowest QUAL"),
    Parameter("passed", {"type": "string", "enum": ["0", "1"]}, "1: only what passed all filters"),
    _any_of("gt", f"SAMPLE:KIND, what a sample must have; KIND is one of {', '.join(filters.KINDS)}"),
    Parameter("text", {"type": "string", "maxLength": filters.MOST_TEXT}, "A part of an HGVS name, or an rs number"),
)
COLUMNS = Parameter("columns", {"type": "string"}, "Columns, separated by commas; the usual ones unless given")
VIEW = (
    COLUMNS,
    Parameter("sort", {"type": "string"}, "Column to sort by; the order of the genome unless given"),
    Parameter("order", {"type": "string", "enum": ["asc", "desc"]}, "Direction; unknown values come last in either"),
    Parameter("limit", {"type": "integer", "minimum": 1, "maximum": view.MOST_PAGE_ROWS}, "Rows a page"),
    Parameter("page", {"type": "string"}, "`after` or `before` of another page of the same view"),
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
        refusals=(401, 409, 429),
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
    Operation("GET", "/account/webhooks", webhooks.index, "Your webhooks and their latest calls", models.Webhooks),
    Operation(
        "POST",
        "/account/webhooks",
        webhooks.create,
        "Have an address told when a job has ended",
        models.CreatedWebhook,
        201,
        models.NewWebhook,
        refusals=(409,),
    ),
    Operation(
        "DELETE",
        "/account/webhooks/<webhook_id:re:[0-9a-f-]{36}>",
        webhooks.remove,
        "Remove a webhook",
        models.RemovedWebhook,
        refusals=(404, 409),
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
    Operation("GET", f"{JOB}/shares", shares.index, "The links to a job", models.ShareList, refusals=(404,)),
    Operation(
        "POST",
        f"{JOB}/shares",
        shares.create,
        "Make a link by which others may read the job",
        models.CreatedShare,
        201,
        models.NewShare,
        refusals=(404, 409),
    ),
    Operation(
        "POST",
        f"{JOB}/shares/<share_id:re:[0-9a-f]{{64}}>/revoke",
        shares.revoke,
        "End a link now",
        models.RevokedShare,
        refusals=(404,),
    ),
    Operation(
        "GET",
        f"{JOB}/variants",
        variants.index,
        "The variants of a result, filtered and sorted",
        models.VariantPage,
        parameters=(*FILTER, *VIEW),
        refusals=(403, 404, 409),
    ),
    Operation(
        "GET",
        f"{JOB}/variants/<row:re:[0-9]{{1,12}}>",
        variants.show,
        "One variant: every transcript, every database, every sample",
        models.VariantDetails,
        refusals=(403, 404, 409),
    ),
    Operation(
        "GET",
        f"{JOB}/variants/export/<kind:re:tsv|vcf|parquet>",
        variants.file,
        "All variants that a filter leaves, as a file",
        None,
        200,
        parameters=(*FILTER, COLUMNS),
        refusals=(403, 404, 409),
    ),
    *wes.OPERATIONS,
)
