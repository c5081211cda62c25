"""The environment that a stack gives its processes."""

import re
from configparser import RawConfigParser
from pathlib import Path

import pytest

from gas.config import Settings
from scripts.local.environment import PROGRAMS, ROOT, Ports, build, inherited, load_keys, program_files, settings_of

PORTS = Ports(web=20_001, aws=20_002, globus=20_003)


def environment(folder: Path, **chosen: str) -> dict[str, str]:
    return build(folder, folder / "run", PORTS, load_keys(folder / "keys.json"), PROGRAMS, chosen)


def test_every_process_can_read_its_settings_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.site_url == "http://127.0.0.1:20001"
    assert settings.globus_issuer == "http://127.0.0.1:20003"
    assert settings.scratch_dir == tmp_path / "scratch"


def test_nothing_leads_to_a_real_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://example.org")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    made = environment(tmp_path, AWS_ENDPOINT_URL="https://example.org")
    assert made["AWS_ENDPOINT_URL"] == "http://127.0.0.1:20002"
    assert made["AWS_ACCESS_KEY_ID"] != "AKIAREAL"
    assert made["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert not {"AWS_PROFILE", "HTTPS_PROXY"} & set(made)


def test_a_chosen_setting_wins_over_the_default(tmp_path: Path) -> None:
    made = environment(tmp_path, GAS_FREE_WINDOW="7", GAS_GRACE_SECONDS="3", AWS_STANDIN_BULK_SECONDS="1")
    assert made["GAS_FREE_WINDOW"] == "7"
    assert made["GAS_GRACE_SECONDS"] == "3"
    assert made["AWS_STANDIN_BULK_SECONDS"] == "1"


def test_a_stack_in_a_test_does_not_read_the_shell_s_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAS_FREE_WINDOW", "7")
    assert "GAS_FREE_WINDOW" not in environment(tmp_path)
    assert settings_of({"GAS_FREE_WINDOW": "7", "AWS_PROFILE": "x", "AWS_STANDIN_LOG": "requests"}) == {
        "GAS_FREE_WINDOW": "7",
        "AWS_STANDIN_LOG": "requests",
    }


def test_inherits_only_what_programs_need() -> None:
    caller = {"PATH": "/bin", "HOME": "/root", "COVERAGE_PROCESS_START": "x", "AWS_PROFILE": "y", "PYTHONPATH": "z"}
    assert inherited(caller) == {"PATH": "/bin", "HOME": "/root", "COVERAGE_PROCESS_START": "x"}


def test_keys_are_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = load_keys(path)
    assert load_keys(path) == keys
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(keys.session_key) >= 43
    assert load_keys(tmp_path / "others.json") != keys


def test_program_files_exist_and_hold_no_space() -> None:
    folder = ROOT / "ami" / "supervisor"
    for name in program_files(PROGRAMS).split():
        assert (folder / name).is_file(), name


def test_the_environment_has_every_variable_that_the_program_files_name(tmp_path: Path) -> None:
    made = environment(tmp_path)
    folder = ROOT / "ami" / "supervisor"
    texts = [(folder / name).read_text("utf-8") for name in ["supervisord.conf", *program_files(PROGRAMS).split()]]
    named = set(re.findall(r"%\(ENV_([A-Z0-9_]+)\)s", "".join(texts)))
    assert named <= set(made)


def test_every_program_file_is_included_by_default_and_stops_in_order() -> None:
    folder = ROOT / "ami" / "supervisor"
    # These two have something to do only on an instance.
    of_hosts = {"lifecycle", "memmon"}
    assert {path.stem for path in folder.glob("*.conf")} == {"supervisord", *PROGRAMS, *of_hosts}
    for name in (*PROGRAMS, "lifecycle"):
        parser = RawConfigParser()
        parser.read(folder / f"{name}.conf")
        program = parser[f"program:{name}"]
        assert program["stopsignal"] == "TERM"
        # A launcher or shell in between must not swallow the signal, nor may children get it behind their parent.
        assert program["stopasgroup"] == "false"
        assert program["killasgroup"] == "true"
        assert program["stdout_logfile"] == "NONE"
        longest_grace = 90 if name != "web" else 30
        assert int(program["stopwaitsecs"]) > longest_grace
