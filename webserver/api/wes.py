"""A thin GA4GH Workflow Execution Service over the same jobs, so that WES clients can list, follow and cancel them.

https://ga4gh.github.io/workflow-execution-service-schemas/ (1.1.0). A run is a job; its one workflow is GAS itself.
"""

import json
from datetime import UTC, datetime
from typing import Any

import bottle
from pydantic import Field

from gas.job import Job, JobStatus
from webserver.api.models import Answer
from webserver.api.operations import Operation, Parameter
from webserver.pages import annotations, uploads
from webserver.problems import Problem
from webserver.reading import owned_job
from webserver.release import VERSION
from webserver.web import Visit

PREFIX = "/ga4gh/wes/v1"
WES_VERSION = "1.1.0"
WORKFLOW_TYPE, WORKFLOW_VERSION, WORKFLOW_URL = "GAS", "1", "annotate"
RUN = "/runs/<job_id:re:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}>"
STATES = {
    JobStatus.PENDING: "QUEUED",
    JobStatus.RUNNING: "RUNNING",
    JobStatus.COMPLETED: "COMPLETE",
    JobStatus.CANCELLED: "CANCELED",
}


class RunId(Answer):
    run_id: str


class RunStatus(Answer):
    run_id: str
    state: str


class Runs(Answer):
    runs: list[RunStatus]
    next_page_token: str


class RunLog(Answer):
    run_id: str
    request: dict[str, Any]
    state: str
    run_log: dict[str, Any]
    task_logs: list[dict[str, Any]] | None
    outputs: dict[str, Any]


class ServiceInfo(Answer):
    id: str
    name: str
    type: dict[str, str]
    organization: dict[str, str]
    version: str
    workflow_type_versions: dict[str, dict[str, list[str]]]
    supported_wes_versions: list[str]
    supported_filesystem_protocols: list[str]
    workflow_engine_versions: dict[str, str]
    default_workflow_engine_parameters: list[dict[str, Any]]
    system_state_counts: dict[str, int] = Field(description="Empty: how busy others are is nobody's to see")
    auth_instructions_url: str
    tags: dict[str, str]


def state_of(job: Job) -> str:
    """WES tells a run that its input failed from one that the system failed; a reference marks our own faults."""
    if job.job_status is JobStatus.FAILED:
        return "SYSTEM_ERROR" if job.error_reference else "EXECUTOR_ERROR"
    return STATES[job.job_status]


def service_info(visit: Visit) -> bottle.HTTPResponse:
    """GET /service-info, by GA4GH's service-info and WES's additions."""
    site, own = visit.services.settings.site_url, VERSION
    return visit.json(
        {
            "id": f"{visit.services.site_host}.gas.wes",
            "name": "GAS, the Genomics Annotation Service",
            "type": {"group": "org.ga4gh", "artifact": "wes", "version": WES_VERSION},
            "organization": {"name": visit.services.site_host, "url": site},
            "version": own,
            "workflow_type_versions": {WORKFLOW_TYPE: {"workflow_type_version": [WORKFLOW_VERSION]}},
            "supported_wes_versions": [WES_VERSION],
            "supported_filesystem_protocols": ["https"],
            "workflow_engine_versions": {"gas": own},
            "default_workflow_engine_parameters": [],
            "system_state_counts": {},
            "auth_instructions_url": f"{site}/api",
            "tags": {"bundle": visit.services.settings.bundle},
        }
    )


def list_runs(visit: Visit) -> bottle.HTTPResponse:
    """GET /runs: the jobs, newest first; `page_size` and `page_token` page through them."""
    jobs, following = annotations.page_of(visit, visit.query("page_size"), visit.query("page_token") or None)
    runs = [{"run_id": job.job_id, "state": state_of(job)} for job in jobs]
    return visit.json({"runs": runs, "next_page_token": following or ""})


def run_workflow(visit: Visit) -> bottle.HTTPResponse:
    """POST /runs: a form whose `workflow_params` is JSON with the `ticket` of an upload through `/api/v1/uploads`."""
    form = visit.request.forms
    asked = {name: form.getunicode(name, "") for name in ("workflow_type", "workflow_type_version", "workflow_url")}
    if list(asked.values()) != [WORKFLOW_TYPE, WORKFLOW_VERSION, WORKFLOW_URL]:
        raise Problem(
            400,
            f"This service runs one workflow: workflow_type {WORKFLOW_TYPE}, workflow_type_version {WORKFLOW_VERSION}, "
            f"workflow_url {WORKFLOW_URL}.",
        )
    try:
        ticket = json.loads(form.getunicode("workflow_params", ""))["ticket"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Problem(400, "`workflow_params` must be a JSON object with the `ticket` of an upload.") from None
    return visit.json({"run_id": uploads.job_of(visit, ticket).job_id})


def get_run_log(visit: Visit, job_id: str) -> bottle.HTTPResponse:
    """GET /runs/{run_id}: what ran, how it ended, where its outputs are."""
    job = owned_job(visit, job_id)
    base = f"{visit.services.settings.site_url}/api/v1/jobs/{job_id}"
    done = job.job_status is JobStatus.COMPLETED
    return visit.json(
        {
            "run_id": job_id,
            "request": {
                "workflow_params": {"input_file_name": job.input_file_name, "bundle": job.bundle},
                "workflow_type": WORKFLOW_TYPE,
                "workflow_type_version": WORKFLOW_VERSION,
                "workflow_url": WORKFLOW_URL,
            },
            "state": state_of(job),
            "run_log": {
                "name": "annotate",
                "start_time": _moment(job.start_time),
                "end_time": _moment(job.complete_time),
                "stdout": f"{base}/log",
                "stderr": job.error_message or "",
                "exit_code": (0 if done else 1) if job.finished else None,
            },
            "task_logs": None,
            "outputs": {name: f"{base}/files/{name}" for name in ("result", "index", "receipt")} if done else {},
        }
    )


def get_run_status(visit: Visit, job_id: str) -> bottle.HTTPResponse:
    """GET /runs/{run_id}/status."""
    return visit.json({"run_id": job_id, "state": state_of(owned_job(visit, job_id))})


def cancel_run(visit: Visit, job_id: str) -> bottle.HTTPResponse:
    """POST /runs/{run_id}/cancel."""
    annotations.cancel(visit, job_id)
    return visit.json({"run_id": job_id})


def _moment(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


_PAGING = (
    Parameter("page_size", {"type": "integer", "minimum": 1, "maximum": annotations.MAX_PAGE_JOBS}, "Runs a page"),
    Parameter("page_token", {"type": "string"}, "`next_page_token` of the page before"),
)

OPERATIONS = (
    Operation(
        "GET", "/service-info", service_info, "What this service is", ServiceInfo, signed_in=False, prefix=PREFIX
    ),
    Operation("GET", "/runs", list_runs, "Your runs, newest first", Runs, parameters=_PAGING, prefix=PREFIX),
    Operation(
        "POST",
        "/runs",
        run_workflow,
        "Annotate an uploaded file",
        RunId,
        form={
            "workflow_type": {"const": WORKFLOW_TYPE},
            "workflow_type_version": {"const": WORKFLOW_VERSION},
            "workflow_url": {"const": WORKFLOW_URL},
            "workflow_params": {"type": "string", "description": "JSON: the `ticket` of an upload"},
        },
        refusals=(404, 410, 413, 422),
        prefix=PREFIX,
    ),
    Operation("GET", RUN, get_run_log, "One run", RunLog, refusals=(404,), prefix=PREFIX),
    Operation("GET", f"{RUN}/status", get_run_status, "A run's state", RunStatus, refusals=(404,), prefix=PREFIX),
    Operation("POST", f"{RUN}/cancel", cancel_run, "Stop a run", RunId, refusals=(404, 409), prefix=PREFIX),
)
