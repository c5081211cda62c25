"""The commands against a real site: its application on a port of its own, over the stand-ins."""

import json
import os
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest

from gas.client import transfer
from gas.client.session import Session
from gas.job import Job, JobStatus
from tests.explored import Annotated, annotated
from tests.unit.webserver.browser import redirect_of
from webserver.app import make_app
from webserver.services import Services

__all__ = ["annotated"]
GAS = str(Path(sys.executable).with_name("gas"))
VCF = b"##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nMT\t3243\t.\tA\tG\t.\t.\t.\n"


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


class Threaded(WSGIServer):
    daemon_threads = True


@pytest.fixture
def site(services: Services) -> Iterator[str]:
    """The site on a free port."""
    server = make_server("127.0.0.1", 0, make_app(services), Threaded, Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


Gas = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def gas(home: Path, services: Services) -> Gas:
    """Runs the command line as somebody whose home is empty."""

    def run(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [GAS, *arguments],
            env=environment(home, services),
            cwd=home,
            capture_output=True,
            text=True,
            timeout=120,
            **options,
        )

    return run


def environment(home: Path, services: Services) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "COVERAGE", "PYTHON"))}
    return {
        **kept,
        "HOME": str(home),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(Path(__file__).resolve().parents[4]),
        "GLOBUS_SDK_SERVICE_URL_AUTH": f"{services.settings.globus_issuer}/",
    }


@pytest.fixture
def signed_in(site: str, home: Path, services: Services) -> str:
    """`gas login`: the address is visited as a person would, and the code pasted. Returns the e-mail."""
    email = f"cli{os.urandom(6).hex()}@example.org"
    command = [GAS, "login", site]
    with subprocess.Popen(
        command,
        env=environment(home, services),
        cwd=home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        seen = ""
        for line in process.stdout:
            seen += line
            if "/v2/oauth2/authorize?" in line:
                break
        url = next(word for word in seen.split() if "/v2/oauth2/authorize?" in word)
        back = redirect_of(f"{url}&{urllib.parse.urlencode({'login_as': email})}")
        code = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))["code"]
        process.stdin.write(f"{code}\n")
        process.stdin.flush()
        rest = process.stdout.read()
        assert process.wait(60) == 0, seen + rest
        assert f"as {email}" in rest
    return email


def test_before_a_sign_in_each_command_says_so(gas: Gas, site: str) -> None:
    ran = gas("jobs")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "gas login" in ran.stderr
    ran = gas("jobs", "--site", site)
    assert (ran.returncode, ran.stderr) == (3, f"Sign in first: gas login {site}\n")


@pytest.mark.usefixtures("signed_in")
def test_tokens_are_for_their_owners_eyes(home: Path) -> None:
    kept = [path for path in (home / ".config" / "gas").rglob("*") if path.is_file()]
    assert len(kept) == 2
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}


@pytest.mark.usefixtures("signed_in")
def test_a_file_becomes_a_job_that_can_be_followed_and_cancelled(gas: Gas, home: Path) -> None:
    (home / "sample.vcf").write_bytes(VCF)
    sent = gas("submit", "sample.vcf")
    assert sent.returncode == 0, sent.stderr
    job_id, name = sent.stdout.split()
    assert name == "sample.vcf"
    assert job_id in gas("jobs").stdout
    assert "in the queue" in gas("status", job_id).stdout
    assert gas("cancel", job_id).stdout == f"{job_id}  CANCELLED\n"
    again = gas("cancel", job_id)
    assert again.returncode == 2
    assert "nothing to cancel" in again.stderr
    assert gas("delete", job_id).returncode == 0
    assert json.loads(gas("jobs", "--json").stdout)["jobs"] == []


def owner(services: Services, gas: Gas, home: Path) -> Any:
    """The signed-in user, by the job that they submit."""
    (home / "own.vcf").write_bytes(VCF)
    job = services.jobs.get(gas("submit", "own.vcf").stdout.split()[0])
    assert job is not None
    return services.users.get(job.user_id)


@pytest.mark.usefixtures("signed_in")
def test_results_come_down(gas: Gas, home: Path, services: Services, job_in: Callable[..., Job]) -> None:
    user = owner(services, gas, home)
    done = job_in(user, input_file_name="../../x y.vcf.gz")
    assert "3 records read: 1 annotated" in gas("status", done.job_id).stdout
    ran = gas("download", done.job_id)
    assert ran.returncode == 0, ran.stderr
    target = home / f"x_y.{done.job_id[:8]}.annotated.vcf.gz"
    assert target.read_bytes() == b"result bytes"
    # The rest only, where a part is there already.
    (home / "r.part").write_bytes(b"result")
    told = json.loads(gas("download", done.job_id, "-o", "r", "--json").stdout)
    assert told == {"file": "r", "size": 12}
    assert (home / "r").read_bytes() == b"result bytes"
    failed = job_in(user, JobStatus.FAILED)
    ran = gas("status", failed.job_id)
    assert (ran.returncode, "Line 3 has no POS column. Reference: REF123." in ran.stdout) == (2, True)


@pytest.mark.usefixtures("signed_in")
def test_an_expired_result_says_what_to_do(
    gas: Gas, home: Path, services: Services, job_in: Callable[..., Job], clock: Any
) -> None:
    done = job_in(owner(services, gas, home))
    clock.moved += 301
    ran = gas("download", done.job_id)
    assert ran.returncode == 2
    assert "subscribe and it comes back" in ran.stderr


@pytest.mark.usefixtures("signed_in")
def test_an_interrupted_upload_goes_on(
    gas: Gas, home: Path, site: str, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", f"{services.settings.globus_issuer}/")
    path = home / "large.vcf"
    path.write_bytes(VCF + b"#" * (12 << 20))
    session = Session(site, home / ".config" / "gas")
    sent: list[int] = []

    def cut(number: int) -> None:
        sent.append(number)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transfer.submit(session, path, cut)
    assert sent
    moved: list[int] = []
    job_id = transfer.submit(session, path, moved.append)
    assert sum(moved) == path.stat().st_size
    job = services.jobs.get(job_id)
    assert job is not None
    assert job.input_size == path.stat().st_size
    assert not list((home / ".config" / "gas" / "uploads").iterdir())


@pytest.mark.usefixtures("signed_in")
def test_signed_out_is_signed_out(gas: Gas) -> None:
    assert gas("logout").returncode == 0
    assert gas("jobs").returncode == 3


def test_what_is_no_site_says_so(gas: Gas) -> None:
    assert gas("login", "ftp://x").stderr == "ftp://x is no web address; it begins with https://.\n"
    ran = gas("login", "http://127.0.0.1:9")
    assert (ran.returncode, "is no GAS that answers" in ran.stderr) == (1, True)


def test_the_help_shows_both_kinds_of_commands(gas: Gas) -> None:
    shown = gas("--help").stdout
    for name in ("annotate", "reference", "admin", "query", "login", "submit", "jobs", "status", "download", "cancel"):
        assert f"\n  {name} " in shown


@pytest.mark.usefixtures("signed_in")
def test_the_variants_that_matter_in_one_command(
    gas: Gas, home: Path, services: Services, job_in: Callable[..., Job], annotated: Annotated
) -> None:
    files = {"annotated.vcf.gz": annotated.vcf.read_bytes(), "variants.parquet": annotated.table.read_bytes()}
    job = job_in(owner(services, gas, home), files=files)
    asked = ("query", job.job_id, "--max-af", "0.01", "--impact", "HIGH", "--clinvar", "pathogenic")
    ran = gas(*asked, "--columns", "SYMBOL,MOST_SEVERE,MOST_SEVERE_IMPACT")
    assert ran.returncode == 0, ran.stderr
    head, *rows = [line.split("\t") for line in ran.stdout.splitlines()]
    assert head == ["CHROM", "POS", "REF", "ALT", "SYMBOL", "MOST_SEVERE", "MOST_SEVERE_IMPACT"]
    assert rows
    assert {row[-1] for row in rows} == {"HIGH"}
    assert f"{len(rows)} variants pass" in ran.stderr
    assert len(json.loads(gas(*asked, "--json").stdout)["rows"]) == len(rows)
    assert gas(*asked, "-o", "rare.tsv").stdout == "rare.tsv\n"
    assert len((home / "rare.tsv").read_text("utf-8").splitlines()) == len(rows) + 1
    wrong = gas("query", job.job_id, "--gene", "x", "--region", "chr1:5-1")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "chr1:5-1" in wrong.stderr
    assert gas(*asked, "-o", "rare.txt").returncode == 1
