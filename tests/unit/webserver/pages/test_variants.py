"""The explorer's pages over the real site and a real table."""

import csv
import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from gas.job import Job
from gas.messages import TableRequest
from tests.explored import Annotated, annotated
from tests.unit.webserver.conftest import Clock, Member
from webserver.services import Services

__all__ = ["annotated"]


@dataclass
class Explored:
    """Somebody with a result to explore."""

    member: Member
    job: Job
    services: Services

    def path(self, more: str = "") -> str:
        return f"/annotations/{self.job.job_id}/variants{more}"

    def get(self, more: str = "", **headers: str) -> Any:
        return self.member.browser.get(self.path(more), **headers)

    def json(self, more: str = "") -> Any:
        answer = self.get(more, Accept="application/json")
        assert answer.status == 200, answer.text
        return answer.json

    def put(self, key: str | None, body: bytes) -> None:
        storage = self.services.storage
        storage.s3.put_object(Bucket=storage.results_bucket, Key=str(key), Body=body)


@pytest.fixture
def explored(member: Member, job_in: Callable[..., Job], services: Services, annotated: Annotated) -> Explored:
    files = {
        "annotated.vcf.gz": annotated.vcf.read_bytes(),
        "variants.parquet": annotated.table.read_bytes(),
        "summary.json": annotated.summary.read_bytes(),
    }
    return Explored(member, job_in(member.user, files=files), services)


def test_the_first_page_has_variants_and_a_form(explored: Explored) -> None:
    answer = explored.get()
    assert answer.status == 200
    data = explored.json()
    assert data["total"] > 2000
    assert len(data["rows"]) == 50
    assert data["after"]
    assert data["before"] is None
    for words in ("Rare, high impact, pathogenic", 'name="gene"', 'value="mother:het"', "Next"):
        assert words in answer.text


def test_the_rare_severe_and_pathogenic_are_two_clicks_away(explored: Explored) -> None:
    import re
    from html import unescape

    link = re.search(r'<a href="([^"]+)">Rare, high impact, pathogenic</a>', explored.get().text)
    assert link
    path = unescape(link[1])
    answer = explored.member.browser.get(path)
    assert answer.status == 200
    data = explored.member.browser.get(path, Accept="application/json").json
    assert 0 < data["total"] < 200
    for row in data["rows"]:
        assert row["MOST_SEVERE_IMPACT"] == "HIGH"
        assert "athogenic" in row["CLINVAR_CLNSIG"]
        assert (row["GNOMADG_AF"] or 0) <= 0.01
    assert "impact" in answer.text
    assert "remove" in answer.text


def test_pages_follow_each_other(explored: Explored) -> None:
    first = explored.json("?sort=QUAL&order=desc&limit=20")
    second = explored.json(f"?sort=QUAL&order=desc&limit=20&page={first['after']}")
    back = explored.json(f"?sort=QUAL&order=desc&limit=20&page={second['before']}")
    assert back["rows"] == first["rows"]
    assert not {row["row"] for row in first["rows"]} & {row["row"] for row in second["rows"]}


def test_a_page_of_another_view_is_refused_with_a_sentence(explored: Explored) -> None:
    token = explored.json()["after"]
    answer = explored.get(f"?sort=QUAL&page={token}", Accept="application/json")
    assert (answer.status, answer.json["code"]) == (400, "bad_filter")
    assert "belongs to another result, filter or order" in answer.json["detail"]


def test_a_filter_that_makes_no_sense_is_shown_with_what_was_typed(explored: Explored) -> None:
    answer = explored.get("?max_af=2&region=chr1:9-2&gt=nobody:het")
    assert answer.status == 400
    assert "&#39;2&#39; is no frequency" in answer.text
    assert "ends before it begins" in answer.text
    assert 'value="2"' in answer.text
    assert explored.get("?gt=nobody:het").text.count("no sample &#39;nobody&#39;") >= 1
    # htmx shows the answer only if it is a good one.
    assert explored.get("?max_af=2", HX_Request="true").status == 200


def test_htmx_learns_the_short_address(explored: Explored) -> None:
    answer = explored.get("?gene=&impact=HIGH&max_af=&gt=", HX_Request="true")
    assert answer.header("HX-Push-Url") == explored.path("?impact=HIGH")


def test_columns_are_remembered(explored: Explored) -> None:
    chosen = explored.get("?columns=SYMBOL&columns=QUAL")
    assert "HttpOnly" in str(chosen.header("Set-Cookie"))
    assert "HGVSc" not in explored.get("?impact=HIGH").text.split("<thead>")[1]
    explored.get("?columns=default")
    assert "HGVSc" in explored.get("?impact=HIGH").text.split("<thead>")[1]


def test_a_variant_in_full(explored: Explored) -> None:
    row = explored.json("?impact=HIGH&clinvar=pathogenic")["rows"][0]
    answer = explored.get(f"/{row['row']}")
    assert answer.status == 200
    for words in ("transcript", "CLINVAR CLNSIG", "child", "https://www.ensembl.org", "gnomad.broadinstitute.org"):
        assert words in answer.text
    data = explored.json(f"/{row['row']}")
    assert data["variant"]["POS"] == row["POS"]
    assert explored.get("/99999999").status == 404


def test_files_of_what_is_left(explored: Explored) -> None:
    query = "?impact=HIGH&gt=child:carrier"
    total = explored.json(query)["total"]
    tsv = explored.get(f"/export/tsv{query}&columns=SYMBOL,QUAL")
    assert tsv.header("Content-Type") == "text/tab-separated-values; charset=utf-8"
    assert "sample.variants.tsv" in str(tsv.header("Content-Disposition"))
    rows = list(csv.DictReader(io.StringIO(tsv.text), dialect="excel-tab"))
    assert (len(rows), list(rows[0])) == (total, ["SYMBOL", "QUAL"])
    vcf = gzip.decompress(explored.get(f"/export/vcf{query}").body)
    assert 0 < sum(not line.startswith(b"#") for line in vcf.splitlines()) <= total
    assert explored.get(f"/export/parquet{query}").body[:4] == b"PAR1"
    assert explored.get("/export/tsv?max_af=x").status == 400


def test_another_persons_variants_do_not_exist(explored: Explored, member_of: Callable[[], Member]) -> None:
    other = member_of().browser
    for more in ("", "/1", "/export/tsv", "/export/vcf"):
        assert other.get(explored.path(more)).status == 404


def test_the_free_window_closes_the_explorer_too(explored: Explored, clock: Clock) -> None:
    clock.moved = 301
    for more in ("", "/1", "/export/tsv"):
        answer = explored.get(more, Accept="application/json")
        assert (answer.status, answer.json["code"]) == (403, "expired")
    assert "subscribe" in explored.get().text


def test_a_job_that_is_not_done_has_nothing_to_see(member: Member, job_in: Callable[..., Job]) -> None:
    from gas.job import JobStatus

    job = job_in(member.user, JobStatus.RUNNING)
    answer = member.browser.get(f"/annotations/{job.job_id}/variants")
    assert answer.status == 409
    assert "no result to look at" in answer.text


@pytest.mark.parametrize("body", [b"", b"not a table" * 100])
def test_a_damaged_table_is_told_plainly_and_made_again(
    explored: Explored, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(type(explored.services.announcer), "publish", lambda self, event: asked.append(event))
    explored.put(explored.job.s3_key_table_file, body)
    for _ in range(2):
        answer = explored.get(Accept="application/json")
        assert (answer.status, answer.json["code"]) == (503, "table_damaged")
    assert "made again from the annotated VCF" in answer.json["detail"]
    job = explored.job
    assert asked == [TableRequest(user_id=job.user_id, job_id=job.job_id, table=job.s3_key_table_file)]


def test_what_was_read_before_is_not_what_is_there_now(explored: Explored, annotated: Annotated) -> None:
    before = explored.json("?impact=HIGH")["total"]
    explored.put(explored.job.s3_key_table_file, annotated.table.read_bytes() + b"")
    assert explored.json("?impact=HIGH")["total"] == before
    explored.put(explored.job.s3_key_result_file, b"another file")
    assert explored.get("/1").status == 503


def test_the_jobs_page_has_pictures_that_lead_here(explored: Explored) -> None:
    page = explored.member.browser.get(f"/annotations/{explored.job.job_id}").text
    assert "Explore the variants" in page
    assert page.count('<svg role="img"') == 6
    assert f'href="{explored.path("?impact=HIGH")}"' in page
    assert "Transitions over transversions" in page
