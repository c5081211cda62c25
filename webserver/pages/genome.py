"""The genome view: a result's variants beside the genes and the sequence of the bundle that annotated them.

igv.js draws it in the browser. It reads the annotated VCF from S3 by ranges, through addresses that are good for a
minute and are asked for again; the reference comes from the bundle on this host.
"""

from typing import Any

import bottle

from gas.annotation.reference import SEQUENCE, Bundle
from gas.annotation.transcripts import Transcript, overlapping
from gas.explore import filters
from gas.explore.filters import BadFilter, Region
from gas.job import Job
from webserver import summaries
from webserver.bundles import local_bundle
from webserver.pages.annotations import describe
from webserver.pages.downloads import DOWNLOAD_SECONDS, address_of
from webserver.problems import Link, Problem
from webserver.reading import JOB, Reading, readable
from webserver.results_open import refuse_unopened
from webserver.security import Allowance
from webserver.web import Route, Visit

# A stretch this short is what somebody wants to look at: it is marked, and shown with so many bases on both sides.
SHORT_BASES, AROUND_BASES = 200, 30
# A contig no longer than this is shown whole where nobody says what to see.
WHOLE_BASES = 100_000
# igv.js asks for 100,000 bases at a time, and draws genes while less than a million are in view (genome/main.js).
MOST_SEQUENCE, MOST_GENES = 2_000_000, 4_000_000
SEQUENCE_SECONDS = 3600
# Style elements that igv.js makes when it is loaded: its colour picker's and its circular view's. Of another version
# these may be others; the browser's console names them, and tests/e2e/test_genome.py fails.
IGV_STYLES = (
    "sha256-ITHmamcImsZ/Je1xrdtDLZVvRSpj1Zokb6uHXORB824=",
    "sha256-NTwDUA6nIvRRpI2lIBtHJqkV0TlTj4HVmI6vI81fIfM=",
)


def show(visit: Visit, **address: str) -> bottle.HTTPResponse:
    """The page. `locus` is where it opens: chr17:43044295-43125364, chr17:43044295 or chr17."""
    reading = readable(visit, "genome view", **address)
    refuse_unopened(visit, reading)
    job = reading.job
    bundle = _bundle(visit, job)
    chosen = _region(visit.query("locus"))
    wanted = chosen or _first(visit, job)
    if bundle is not None:
        wanted = _within(bundle, wanted)
    data = {
        "job": describe(visit, job, reading.owner),
        "locus": str(wanted) if wanted else None,
        "reference": None if bundle is None else {"name": bundle.name, "assembly": bundle.assembly},
    }
    settings = visit.services.settings
    visit.allow(Allowance((visit.services.storage.origin(settings.results_bucket),), IGV_STYLES))
    return visit.page(
        "genome.html",
        data,
        reading=reading,
        here=f"{reading.here}/genome",
        view=_view(bundle, wanted, chosen is not None) if bundle and wanted else None,
    )


def addresses(visit: Visit, **address: str) -> bottle.HTTPResponse:
    """Where the annotated VCF and its index can be read, by ranges, for so many seconds."""
    reading = readable(visit, None, **address)
    refuse_unopened(visit, reading)
    found = {what: address_of(visit, reading, what) for what in ("result", "index")}
    return visit.json({**found, "seconds": DOWNLOAD_SECONDS})


def sequence(visit: Visit, **address: str) -> bottle.HTTPResponse:
    """A range of the bases of the bundle's contigs, one after the other as `sequence_index` says."""
    bundle = _bundle_here(visit, readable(visit, None, **address))
    size = (bundle.path / SEQUENCE).stat().st_size
    ranges = list(bottle.parse_range_header(visit.request.get_header("Range", ""), size))
    if len(ranges) != 1 or ranges[0][1] - ranges[0][0] > MOST_SEQUENCE:
        raise Problem(416, f"Ask for one range of the sequence, of at most {MOST_SEQUENCE:,} bytes.")
    answer = bottle.static_file(SEQUENCE, root=str(bundle.path), mimetype="application/octet-stream")
    # A bundle never changes.
    answer.set_header("Cache-Control", f"private, max-age={SEQUENCE_SECONDS}")
    return answer


def sequence_index(visit: Visit, **address: str) -> bottle.HTTPResponse:
    """Where in the sequence each contig lies, as samtools' faidx writes it."""
    bundle = _bundle_here(visit, readable(visit, None, **address))
    lines = []
    for entry in bundle.manifest["contigs"]:
        # A contig is one line, however long, and nothing ends it.
        length = entry["length"]
        lines.append(f"{entry['name']}\t{length}\t{entry['offset']}\t{length}\t{length}\n")
    return visit.text("".join(lines))


def names(visit: Visit, **address: str) -> bottle.HTTPResponse:
    """The bundle's contigs, a line each: the name and its synonyms."""
    bundle = _bundle_here(visit, readable(visit, None, **address))
    return visit.text("".join("\t".join((one.name, *one.synonyms)) + "\n" for one in bundle.contigs.values()))


def genes(visit: Visit, **address: str) -> bottle.HTTPResponse:
    """The transcripts of the bundle that touch a `region`, as igv.js draws them."""
    bundle = _bundle_here(visit, readable(visit, None, **address))
    wanted = _region(visit.query("region"))
    contig = bundle.resolve(wanted.contig) if wanted else None
    if wanted is None or contig is None:
        raise Problem(400, "`region` must be a region of the reference, such as chr1:1000-2000.")
    if wanted.end - wanted.start > MOST_GENES:
        raise Problem(400, f"Ask for the genes of at most {MOST_GENES:,} bases at a time.")
    found = overlapping(bundle, contig, wanted.start, wanted.end)
    return visit.json({"genes": [_drawn(one, wanted.contig) for one in found]})


def _drawn(one: Transcript, contig: str) -> dict[str, Any]:
    """A transcript as a feature of igv.js: 0-based and half-open."""
    coding = {"cdStart": one.coding_start - 1, "cdEnd": one.coding_end} if one.coding_start else {}
    exons: list[dict[str, Any]] = []
    for start, end in zip(one.exon_starts, one.exon_ends, strict=True):
        exon: dict[str, Any] = {"start": start - 1, "end": end}
        if not coding or end < one.coding_start or start > one.coding_end:
            exon["utr"] = True
        else:
            exon |= {"cdStart": max(start, one.coding_start) - 1, "cdEnd": min(end, one.coding_end)}
        exons.append(exon)
    return {
        "chr": contig,
        "start": one.start - 1,
        "end": one.end,
        "strand": "+" if one.strand > 0 else "-",
        "name": one.symbol or one.gene or one.name,
        "transcript": one.name,
        "gene": one.gene,
        "biotype": one.biotype,
        "exons": exons,
        **coding,
    }


def _bundle(visit: Visit, job: Job) -> Bundle | None:
    return local_bundle(visit.services.settings.bundles_dir, job.bundle)


def _bundle_here(visit: Visit, reading: Reading) -> Bundle:
    bundle = _bundle(visit, reading.job)
    if bundle is None:
        raise Problem(
            404,
            f"The reference {reading.job.bundle} is not on this server, so its sequence and genes cannot be shown.",
            title="No reference here",
            link=Link(reading.here, "Back to the job"),
        )
    return bundle


def _region(text: str | None) -> Region | None:
    try:
        found = filters.parse([("region", text or "")]).region
    except BadFilter as bad:
        raise Problem(400, str(bad), title="There is no such place") from bad
    return found[0] if found else None


def _first(visit: Visit, job: Job) -> Region | None:
    """Where the result's first variants are."""
    for contig, stretch in summaries.read(visit.services.storage, job).by_position.items():
        if stretch.length <= WHOLE_BASES:
            return Region(contig)
        for number, count in enumerate(stretch.counts):
            if count:
                return Region(contig, number * stretch.bin + 1, (number + 1) * stretch.bin)
    return None


def _within(bundle: Bundle, wanted: Region | None) -> Region:
    """The part of the region that the bundle has, under the bundle's own name. None stands for its first contig."""
    wanted = wanted or Region(next(iter(bundle.contigs)))
    contig = bundle.resolve(wanted.contig)
    if contig is None or wanted.start > contig.length:
        raise Problem(
            400,
            f"The reference {bundle.name} ({bundle.assembly}) has no {str(wanted)[:80]}.",
            title="There is no such place",
        )
    return Region(contig.name, wanted.start, min(wanted.end, contig.length))


def _view(bundle: Bundle, wanted: Region, chosen: bool) -> dict[str, Any]:
    """What the page's script is told. `chosen`: somebody asked for this very region."""
    short = chosen and wanted.end - wanted.start < SHORT_BASES
    length = bundle.contigs[wanted.contig].length
    around = AROUND_BASES if short else 0
    shown = Region(wanted.contig, max(wanted.start - around, 1), min(wanted.end + around, length))
    return {
        "locus": f"{shown.contig}:{shown.start}-{shown.end}",
        "marked": {"chr": wanted.contig, "start": wanted.start - 1, "end": wanted.end} if short else None,
        "bundle": bundle.name,
    }


VIEWS = (
    ("", show),
    ("/addresses", addresses),
    ("/sequence", sequence),
    ("/sequence.fai", sequence_index),
    ("/names", names),
    ("/genes", genes),
)
ROUTES = tuple(Route("GET", f"{JOB}/genome{path}", view) for path, view in VIEWS)
