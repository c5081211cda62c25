"""The variants of a result: a page of them by filter and order, one in full, and files of what a filter leaves."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any
from urllib.parse import urlencode

import bottle

from gas.explore import detail as details
from gas.explore import export, view
from gas.explore.filters import CLINVAR, IMPACTS, KINDS, BadFilter
from gas.explore.links import links
from gas.explore.view import View
from gas.filenames import content_disposition
from webserver import summaries
from webserver.cells import heading, shown
from webserver.pages.annotations import describe
from webserver.pages.downloads import stem
from webserver.problems import not_found
from webserver.reading import JOB, Reading, readable
from webserver.results_open import OpenResult, opened
from webserver.web import Route, Visit

Params = list[tuple[str, str]]
# Remembers which columns somebody wants to see, for all results.
COLUMNS_COOKIE = "gas-columns"
COOKIE_SECONDS = 365 * 86_400
# A form for more samples would be longer than the page.
SAMPLES_IN_FORM = 6
FILES = {
    "tsv": ("tsv", "text/tab-separated-values; charset=utf-8"),
    "vcf": ("vcf.gz", "application/gzip"),
    "parquet": ("parquet", "application/vnd.apache.parquet"),
}
PRESETS = (
    ("Rare, high impact, pathogenic", {"max_af": "0.01", "impact": "HIGH", "clinvar": "pathogenic likely_pathogenic"}),
    ("Rare, high impact", {"max_af": "0.01", "impact": "HIGH"}),
    ("Pathogenic in ClinVar", {"clinvar": "pathogenic likely_pathogenic"}),
    ("Rare, changes a protein", {"max_af": "0.01", "impact": "HIGH MODERATE"}),
)


def index(visit: Visit, **address: str) -> bottle.HTTPResponse:
    """One page of the variants that a filter leaves."""
    reading = readable(visit, "explorer", **address)
    job, given = reading.job, _given(visit)
    with opened(visit, reading) as result:
        faults: dict[str, str] = {}
        try:
            wanted = view.parse(_remembered(visit, given, result), result.table)
            found = result.explorer.page(result.table, wanted)
        except BadFilter as bad:
            if visit.wants_json:
                raise
            faults, found, wanted = bad.faults, None, View()
        here = f"{reading.here}/variants"
        data = {
            "job": describe(visit, job, reading.owner),
            "filter": wanted.filter.params(),
            "sort": wanted.sort,
            "order": "desc" if wanted.descending else "asc",
            "columns": list(wanted.columns or result.table.default_columns),
            "total": found.total if found else None,
            "rows": found.rows if found else [],
            "before": found.before if found else None,
            "after": found.after if found else None,
        }
        answer = visit.page(
            "variants.html",
            data,
            # htmx leaves the page as it is when the answer is an error.
            400 if faults and not visit.wants_fragment else 200,
            reading=reading,
            here=here,
            table=result.table,
            view=wanted,
            given=given if faults else wanted.filter.params(),
            faults=faults,
            genome=f"{reading.here}/genome",
            address=_address(here, wanted),
            presets=_presets(here, result),
            counts=summaries.read(visit.services.storage, job).by_consequence,
            heading=heading,
            shown=shown,
            clinvar_classes=CLINVAR,
            impacts=IMPACTS,
            kinds=KINDS,
            samples_in_form=SAMPLES_IN_FORM,
        )
    if visit.wants_fragment and not faults:
        answer.set_header("HX-Push-Url", f"{here}{_query(wanted.params(), visit.query('page'))}")
    _remember(visit, reading, given, answer, wanted)
    return answer


def show(visit: Visit, row: str, **address: str) -> bottle.HTTPResponse:
    """One allele: every transcript's consequence, what the databases know, the samples, links to other sites."""
    reading = readable(visit, "variant", **address)
    with opened(visit, reading) as result:
        table = result.table
        found = details.detail(result.explorer, table, int(row[:12]), result.annotated(visit))
        if found is None:
            raise not_found()
        facts = found.row
        names = " ".join(str(facts[name]) for name in table.ids if facts.get(name))
        place = (facts["CHROM"], facts["POS"], facts["REF"] or "", facts["ALT"] or "")
        data = {
            "job": describe(visit, reading.job, reading.owner),
            "variant": facts,
            "transcripts": found.transcripts,
            "info": found.info,
            "samples": found.samples,
            "links": [{"site": one.site, "url": one.url} for one in links(table.assembly, *place, names)],
        }
        return visit.page(
            "variant.html",
            data,
            reading=reading,
            here=f"{reading.here}/variants",
            genome=f"{reading.here}/genome",
            table=table,
            heading=heading,
            shown=shown,
        )


def file(visit: Visit, kind: str, **address: str) -> bottle.HTTPResponse:
    """Everything that the filter leaves, as a file that is made while it is sent."""
    reading = readable(visit, f"export as {kind}", **address)
    suffix, content_type = FILES[kind]
    name = f"{stem(reading.job.input_file_name)}.variants.{suffix}"
    with opened(visit, reading) as result:
        wanted = view.parse(_given(visit), result.table)
        body = _body(visit, result, wanted, kind)
        # What is wrong comes out with the first piece, while it can still be said.
        first = next(body, b"")
    answer = bottle.HTTPResponse(chain([first], body), 200)
    answer.content_type = content_type
    answer.set_header("Content-Disposition", content_disposition(name))
    answer.set_header("Cache-Control", "no-store")
    return answer


def _body(visit: Visit, result: OpenResult, wanted: View, kind: str) -> Iterator[bytes]:
    if kind == "vcf":
        return export.vcf(result.explorer, result.table, wanted.filter, result.annotated(visit))
    make = export.tsv if kind == "tsv" else export.parquet
    return make(result.explorer, result.table, wanted.filter, wanted.columns)


def _given(visit: Visit) -> Params:
    return [(name, value) for name, value in visit.request.query.decode().allitems() if value]


def _remembered(visit: Visit, given: Params, result: OpenResult) -> Params:
    """The parameters with the columns that the browser remembers, unless they name some themselves."""
    if visit.wants_json or any(name == "columns" for name, _ in given):
        return [(name, value) for name, value in given if (name, value) != ("columns", "default")]
    kept = (visit.request.get_cookie(COLUMNS_COOKIE) or "").split(".")
    columns = [name for name in kept if name in result.table.columns]
    return [*given, ("columns", ",".join(columns))] if columns else given


def _remember(visit: Visit, reading: Reading, given: Params, answer: bottle.HTTPResponse, wanted: View) -> None:
    if visit.wants_json or not any(name == "columns" for name, _ in given):
        return
    secure = visit.services.cookies.secure
    kept = ".".join(wanted.columns)
    answer.set_cookie(
        COLUMNS_COOKIE,
        kept,
        max_age=COOKIE_SECONDS if kept else 0,
        path="/annotations" if reading.share is None else reading.here,
        httponly=True,
        secure=secure,
        samesite="lax",
    )


def _address(here: str, wanted: View) -> Callable[..., str]:
    """Makes the address of this view with something changed: its fields, or parameters added to the end."""

    def address(path: str = "", page: str | None = None, without: tuple[str, str] | None = None, **changes: Any) -> str:
        params = replace(wanted, mark=None, **changes).params()
        return f"{here}{path}{_query([pair for pair in params if pair != without], page)}"

    return address


def _query(params: Params, page: str | None = None) -> str:
    pairs = [*params, *([("page", page)] if page else [])]
    return f"?{urlencode(pairs)}" if pairs else ""


def _presets(here: str, result: OpenResult) -> list[tuple[str, str]]:
    has = {"clinvar": bool(result.table.clinvar), "max_af": bool(result.table.frequencies), "impact": True}
    return [
        (name, f"{here}{_query([(key, value) for key, text in params.items() for value in text.split()])}")
        for name, params in PRESETS
        if all(has[key] for key in params)
    ]


VARIANTS = f"{JOB}/variants"
ROUTES = (
    Route("GET", VARIANTS, index),
    Route("GET", f"{VARIANTS}/<row:re:[0-9]{{1,12}}>", show),
    Route("GET", f"{VARIANTS}/export/<kind:re:tsv|vcf|parquet>", file),
)
