"""What `make run` says and refuses before anything starts."""

from pathlib import Path

import pytest

from scripts.local import run
from scripts.local.stack import Stack
from scripts.local.supervision import Supervisor


@pytest.mark.parametrize(("text", "port"), [("", 8080), ("80", 80), ("65535", 65_535)])
def test_wanted_port(text: str, port: int) -> None:
    assert run.wanted_port(text) == port


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "8080 "])
def test_wrong_port_is_named(text: str) -> None:
    with pytest.raises(SystemExit, match="GAS_WEB_PORT is"):
        run.wanted_port(text)


def test_missing_bundle_says_how_to_build_one(tmp_path: Path) -> None:
    assert "make bundle" in run.missing_bundle({"GAS_BUNDLES_DIR": str(tmp_path)})


def test_present_bundle_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "manifest.json").write_text("{}")
    assert run.missing_bundle({"GAS_BUNDLES_DIR": str(tmp_path), "GAS_BUNDLE": "mine"}) == ""


def banner_of(tmp_path: Path, port: int) -> str:
    stack = Stack(tmp_path)
    stack.env = {
        "GAS_SITE_URL": f"http://127.0.0.1:{port}",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
        "GAS_LOG_DIR": str(tmp_path / "logs"),
        "GAS_RUN_DIR": str(tmp_path / "run"),
    }
    stack._supervisor = Supervisor(stack.env)
    return run.banner(stack, 8080)


def test_banner_says_where_to_look(tmp_path: Path) -> None:
    text = banner_of(tmp_path, 8080)
    assert "http://127.0.0.1:8080\n" in text
    assert "http://127.0.0.1:9000/_standin/outbox.html" in text
    assert f"supervisorctl -s unix://{tmp_path}/run/supervisor.sock status" in text
    assert "Ctrl-C" in text
    assert "taken" not in text


def test_banner_says_that_the_port_moved(tmp_path: Path) -> None:
    assert "port 8080 is taken by another program" in banner_of(tmp_path, 8081)
