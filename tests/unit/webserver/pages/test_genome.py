"""The genome view's page and what its script asks for, over the real site, a real result and its bundle."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests

from gas.annotation import reference
from gas.annotation.reference import Bundle
from gas.job import Job, JobStatus
from tests.explored import BUNDLE, Annotated, annotated
from tests.unit.webserver.conftest import SITE_URL, Clock, Member
from webserver.services import Services

__all__ = ["annotated"]


@dataclass
class Viewed:
    """Somebody with a result to look at."""

    member: Member
    job: Job
    bundle: Bundle

    def get(self, more: str = "", **headers: str) -> Any:
        return self.member.browser.get(f"/annotations/{self.job.job_id}/genome{more}", **headers)


@pytest.fixture
def viewed(member: Member, job_in: Callable[..., Job], services: Services, annotated: Annotated) -> Viewed:
    here = services.settings.bundles_dir / BUNDLE
    if not here.exists():
        here.symlink_to(annotated.folder / BUNDLE)
    files = {
        "annotated.vcf.gz": annotated.vcf.read_bytes(),
        "annotated.vcf.gz.tbi": Path(f"{annotated.vcf}.tbi").read_bytes(),
        "summary.json": annotated.summary.read_bytes(),
    }
    return Viewed(member, job_in(member.user, files=files, bundle=BUNDLE), reference.load(here))


def view_of(answer: Any) -> Any:
    found = re.search(r'data-view="([^"]*)"', answer.text)
    assert found
    return json.loads(unescape(found[1]))


def test_it_opens_at_the_variant_with_some_bases_around_it(viewed: Viewed) -> None:
    answer = viewed.get("?locus=chr17:5000-5002")
    assert answer.status == 200
    assert view_of(answer) == {
        "locus": "chr17:4970-5032",
        "marked": {"chr": "chr17", "start": 4999, "end": 5002},
        "bundle": BUNDLE,
    }
    assert "variants?region=chr17%3A5000-5002" in answer.text
    assert "drawn by JavaScript, which does not run in this browser" in answer.text


def test_a_region_is_shown_as_it_was_asked_for_and_within_its_contig(viewed: Viewed) -> None:
    length = viewed.bundle.contigs["chrX"].length
    assert view_of(viewed.get("?locus=X:100-2,000"))["locus"] == "chrX:100-2000"
    assert view_of(viewed.get(f"?locus=chrX:{length - 900}-99999999"))["locus"] == f"chrX:{length - 900}-{length}"
    whole = view_of(viewed.get("?locus=chrX"))
    assert (whole["locus"], whole["marked"]) == (f"chrX:1-{length}", None)


def test_without_a_place_it_opens_where_the_variants_begin(viewed: Viewed) -> None:
    data = viewed.get(Accept="application/json").json
    assert data["locus"].startswith("chr17:1-")
    assert data["reference"] == {"name": BUNDLE, "assembly": "GRCh38"}


def test_of_a_long_contig_the_first_stretch_with_variants_is_shown(
    viewed: Viewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = viewed.get(Accept="application/json").json["locus"]
    monkeypatch.setattr("webserver.pages.genome.WHOLE_BASES", 0)
    part = viewed.get(Accept="application/json").json["locus"]
    assert part != whole
    assert part.startswith("chr17:")
    assert view_of(viewed.get())["marked"] is None


def test_a_result_that_nothing_is_counted_of_opens_at_the_first_contig(
    member: Member, viewed: Viewed, job_in: Callable[..., Job]
) -> None:
    job = job_in(member.user, bundle=BUNDLE)
    length = viewed.bundle.contigs["chr17"].length
    answer = member.browser.get(f"/annotations/{job.job_id}/genome", Accept="application/json")
    assert answer.json["locus"] == f"chr17:1-{length}"


@pytest.mark.parametrize("locus", ["chr9:1-2", "chr17:9-1", "chr17:99999999", "chr17:1:2", "chr17:<b>"])
def test_a_place_that_is_not_there_is_told(viewed: Viewed, locus: str) -> None:
    answer = viewed.get(f"?locus={locus}")
    assert answer.status == 400
    assert "There is no such place" in answer.text
    assert "<b>" not in answer.text


def test_the_page_may_read_from_the_results_bucket_and_others_may_not(viewed: Viewed, services: Services) -> None:
    origin = services.storage.origin(services.settings.results_bucket)
    policy = viewed.get().header("Content-Security-Policy") or ""
    assert re.search(rf"connect-src 'self' [^;]*{re.escape(origin)};", policy)
    assert "unsafe" not in policy
    script = re.search(r"script-src ([^;]*);", policy)
    assert script
    assert re.fullmatch(r"'self' 'nonce-[^']+'", script[1])
    elsewhere = viewed.member.browser.get("/annotations").header("Content-Security-Policy") or ""
    assert "sha256-" not in elsewhere


def test_addresses_are_good_for_ranges_from_the_site_and_for_a_minute(viewed: Viewed, annotated: Annotated) -> None:
    data = viewed.get("/addresses").json
    assert data["seconds"] == 60
    headers = {"Range": "bytes=10-19", "Origin": SITE_URL}
    part = requests.get(data["result"], headers=headers, timeout=30)
    assert (part.status_code, part.content) == (206, annotated.vcf.read_bytes()[10:20])
    assert part.headers["Access-Control-Allow-Origin"] == SITE_URL
    assert "Content-Range" in part.headers["Access-Control-Expose-Headers"]
    index = requests.get(data["index"], headers={"Origin": SITE_URL}, timeout=30)
    assert index.content == Path(f"{annotated.vcf}.tbi").read_bytes()
    assert "X-Amz-Expires=60" in data["result"]


def test_ranges_of_the_sequence(viewed: Viewed) -> None:
    index = [line.split("\t") for line in viewed.get("/sequence.fai").text.splitlines()]
    name, length, offset, bases, width = index[1]
    assert (name, bases, width) == ("chrX", length, length)
    start = int(offset) + 99
    answer = viewed.get("/sequence", Range=f"bytes={start}-{start + 19}")
    assert (answer.status, answer.text) == (206, viewed.bundle.sequence("chrX")[99:119])
    for wanted in ({}, {"Range": "bytes=0-1,4-5"}, {"Range": "bytes=999999999-"}, {"Range": "lines=1-2"}):
        assert viewed.get("/sequence", **wanted).status == 416


def test_a_whole_genome_is_not_given_at_once(viewed: Viewed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webserver.pages.genome.MOST_SEQUENCE", 1000)
    assert viewed.get("/sequence", Range="bytes=0-999").status == 206
    answer = viewed.get("/sequence", Range="bytes=0-1000", Accept="application/json")
    assert answer.status == 416
    assert "at most 1,000 bytes" in answer.json["detail"]


def test_contigs_are_known_by_all_their_names(viewed: Viewed) -> None:
    assert viewed.get("/names").text.splitlines()[0].split("\t")[:2] == ["chr17", "17"]


def test_genes_are_drawn_from_their_exons(viewed: Viewed) -> None:
    found = viewed.get("/genes?region=17:1-100000").json["genes"]
    assert len(found) == viewed.bundle.manifest["models"]["contigs"]["chr17"]["transcripts"][1] > 10
    coding = [one for one in found if "cdStart" in one]
    assert coding
    for one in found:
        assert one["chr"] == "17"
        assert one["exons"][0]["start"] == one["start"] < one["exons"][-1]["end"] == one["end"]
        for exon in one["exons"]:
            if exon.get("utr"):
                assert "cdStart" not in one or exon["end"] <= one["cdStart"] or exon["start"] >= one["cdEnd"]
            else:
                assert one["cdStart"] <= exon["cdStart"] < exon["cdEnd"] <= one["cdEnd"]


@pytest.mark.parametrize("region", ["", "chr9:1-2", "nonsense:", "chr17:1-2000000000"])
def test_genes_of_nowhere_and_of_everything_are_refused(viewed: Viewed, region: str) -> None:
    assert viewed.get(f"/genes?region={region}", Accept="application/json").status == 400


def test_a_server_without_the_reference_says_so(member: Member, job_in: Callable[..., Job]) -> None:
    job = job_in(member.user, bundle="elsewhere")
    page = member.browser.get(f"/annotations/{job.job_id}/genome?locus=chr1:5-9")
    assert page.status == 200
    assert "The reference elsewhere is not on this server" in page.text
    assert f"/annotations/{job.job_id}/variants?region=chr1%3A5-9" in page.text
    assert "igv" not in page.text
    for more in ("/sequence", "/sequence.fai", "/names", "/genes?region=chr1:1-2"):
        answer = member.browser.get(f"/annotations/{job.job_id}/genome{more}", Accept="application/json")
        assert answer.status == 404
        assert "not on this server" in answer.json["detail"]


def test_the_free_window_closes_the_view_and_its_addresses(viewed: Viewed, clock: Clock) -> None:
    clock.moved = 301
    for more in ("", "/addresses"):
        answer = viewed.get(more, Accept="application/json")
        assert (answer.status, answer.json["code"]) == (403, "expired")


def test_a_job_without_a_result_has_no_view(member: Member, job_in: Callable[..., Job]) -> None:
    job = job_in(member.user, JobStatus.RUNNING)
    for more in ("", "/addresses"):
        answer = member.browser.get(f"/annotations/{job.job_id}/genome{more}", Accept="application/json")
        assert (answer.status, answer.json["code"]) == (409, "conflict")


def test_a_file_that_is_gone_is_told(viewed: Viewed, services: Services) -> None:
    services.storage.delete(services.settings.results_bucket, str(viewed.job.s3_key_index_file))
    answer = viewed.get("/addresses", Accept="application/json")
    assert answer.status == 404
    assert "no longer in storage" in answer.json["detail"]


def test_the_other_pages_lead_here(viewed: Viewed, annotated: Annotated, services: Services) -> None:
    here = f"/annotations/{viewed.job.job_id}"
    assert f'href="{here}/genome"' in viewed.member.browser.get(here).text
    body = annotated.table.read_bytes()
    key = str(viewed.job.s3_key_table_file)
    services.storage.s3.put_object(Bucket=services.settings.results_bucket, Key=key, Body=body)
    rows = viewed.member.browser.get(f"{here}/variants?region=chr17:1-99999999").text
    links = re.findall(rf'href="{here}/genome\?locus=(chr17%3A\d+-\d+)"', rows)
    assert len(links) == 50
    one = viewed.member.browser.get(f"{here}/variants/0").text
    assert f"{here}/genome?locus={links[0]}" in one
    assert viewed.get(f"?locus={links[0]}").status == 200
