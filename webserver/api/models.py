"""What the API takes and gives, as types: requests are checked against them and the OpenAPI document shows them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gas.job import JobStatus
from gas.shares import ShareState
from gas.users import Role
from gas.webhooks import CallState
from webserver.results import Access

EpochSeconds = Annotated[int, Field(ge=0, description="Seconds since 1970-01-01 UTC")]
Bytes = Annotated[int, Field(ge=0, description="Bytes")]
Count = Annotated[int, Field(ge=0)]
Ticket = Annotated[str, Field(min_length=1, max_length=8192, description="What the upload's beginning answered with")]


class Request(BaseModel):
    """A body: nothing is guessed and nothing unknown is passed over."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Answer(BaseModel):
    """An answer; later versions may add members."""

    model_config = ConfigDict(extra="allow")


class NewUpload(Request):
    name: str = Field(description="The file's name, as the user knows it")
    size: int = Field(ge=0, lt=2**63, description="The file's size in bytes")


class UploadTicket(Request):
    ticket: Ticket


class PartsQuery(Request):
    ticket: Ticket
    numbers: list[int] | None = Field(default=None, max_length=100, description="The parts whose addresses are wanted")


class NewJob(Request):
    ticket: Ticket


class NewSubscription(Request):
    role: Role = Field(strict=False, description="premium_user or free_user")


class StartedUpload(Answer):
    ticket: str
    expires_at: EpochSeconds
    part_size: Bytes
    part_count: int
    addresses: dict[str, str] = Field(description="Part number to the URL that takes its bytes by PUT")


class Parts(Answer):
    """`addresses` where numbers were asked for, else `uploaded`: the parts that have arrived."""

    addresses: dict[str, str] | None = None
    uploaded: list[int] | None = None
    part_size: Bytes | None = None
    part_count: int | None = None


class StoredUpload(Answer):
    size: Bytes


class AbortedUpload(Answer):
    aborted: bool


class Progress(Answer):
    done: Count
    total: Count | None


class Records(Answer):
    read: Count | None
    annotated: Count | None
    passed: Count | None
    rejected: Count | None


class Result(Answer):
    access: Access
    until: EpochSeconds | None = Field(description="When a free user's result closes")
    size: Bytes | None
    expected: EpochSeconds | None = Field(description="When a result on its way back is expected")


class JobError(Answer):
    message: str
    reference: str | None


class JobView(Answer):
    job_id: str
    input_file_name: str
    input_size: Bytes
    status: JobStatus
    submit_time: EpochSeconds
    start_time: EpochSeconds | None
    complete_time: EpochSeconds | None
    bundle: str
    progress: Progress
    records: Records
    result: Result
    error: JobError | None


class JobPage(Answer):
    jobs: list[JobView]
    status: JobStatus | None
    next: str | None = Field(description="What `after` takes for the next page; null on the last")


class JobDetails(Answer):
    job: JobView
    queue_position: Count | None
    receipt: dict[str, Any] | None
    files: dict[str, bool]
    can: dict[str, bool]


class NewShare(Request):
    days: Literal[1, 7, 30] = Field(description="How long the link holds")
    note: str = Field(default="", max_length=100, description="For the owner's own list")


class Look(Answer):
    what: str
    network: str = Field(description="The network of the reader's address, empty where it is not known")
    first: EpochSeconds
    last: EpochSeconds
    times: Count


class ShareView(Answer):
    share_id: str
    note: str
    state: ShareState
    created_time: EpochSeconds
    expires_at: EpochSeconds
    revoked_time: EpochSeconds | None
    uses: Count
    last_used: EpochSeconds | None
    looks: list[Look] = Field(description="The latest lines of the link's audit list")


class ShareList(Answer):
    job_id: str
    input_file_name: str
    can_share: bool
    shares: list[ShareView]


class CreatedShare(Answer):
    share: ShareView
    url: str = Field(description="The link itself, which no later answer has again")


class RevokedShare(Answer):
    share_id: str
    state: ShareState


class JobLog(Answer):
    job: JobView
    log: str | None
    complete: bool


class VariantPage(Answer):
    job: JobView
    filter: list[tuple[str, str]] = Field(description="The filter as it was understood")
    sort: str
    order: str
    columns: list[str]
    total: Count = Field(description="How many rows the filter leaves, exactly")
    rows: list[dict[str, Any]]
    before: str | None = Field(description="What `page` takes for the page before; null on the first")
    after: str | None = Field(description="What `page` takes for the next page; null on the last")


class VariantDetails(Answer):
    job: JobView
    variant: dict[str, Any]
    transcripts: list[dict[str, Any]]
    info: list[Any] | dict[str, Any]
    samples: list[Any] | dict[str, Any]
    links: list[dict[str, str]]


class CreatedJob(Answer):
    job_id: str
    location: str


class ChangedJob(Answer):
    job_id: str
    status: JobStatus


class DeletedJob(Answer):
    job_id: str
    deleted: bool
    goes: list[str]
    gone_by: EpochSeconds | None


class Bundle(Answer):
    name: str
    assembly: str | None
    default: bool


class Bundles(Answer):
    bundles: list[Bundle]


class Account(Answer):
    user_id: str
    name: str
    email: str
    institution: str
    role: Role
    member_since: EpochSeconds


class NewWebhook(Request):
    url: str = Field(max_length=1000, description="https on port 443, on a public server")


class WebhookCall(Answer):
    message_id: str = Field(description="The `webhook-id` that was sent")
    job_id: str
    state: CallState
    tries: Count
    said: str
    at: EpochSeconds


class WebhookView(Answer):
    webhook_id: str
    url: str
    created_time: EpochSeconds
    calls: list[WebhookCall] = Field(description="The latest, newest first")


class Webhooks(Answer):
    webhooks: list[WebhookView]


class CreatedWebhook(Answer):
    webhook: WebhookView
    secret: str = Field(description="What messages are signed with; no later answer has it again")


class RemovedWebhook(Answer):
    webhook_id: str
    removed: bool


class Subscription(Answer):
    role: Role


class Deployment(Answer):
    """What a program needs to know before it can sign anybody in."""

    site_url: str
    version: str
    scope: str = Field(description="The Globus scope that a token must carry")
    native_client_id: str | None = Field(description="The Globus client of `gas login`; null where there is none")
    globus_url: str


class ProblemDocument(Answer):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str | None = None
    reference: str | None = None
