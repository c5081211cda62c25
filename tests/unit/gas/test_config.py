from pathlib import Path

import pytest

from gas import config
from gas.config import Settings

LEAST = {
    "GAS_REGION": "us-east-1",
    "GAS_ACCOUNT_ID": "123456789012",
    "GAS_SITE_URL": "https://gas.example.org",
    "GAS_INPUTS_BUCKET": "inputs",
    "GAS_RESULTS_BUCKET": "results",
    "GAS_MAIL_FROM": "GAS <no-reply@example.org>",
    "GAS_SECRETS_NAME": "gas/web",
    "GAS_BUNDLES_DIR": "/srv/gas/bundles",
    "GAS_SCRATCH_DIR": "/var/tmp/gas",
}


@pytest.fixture(autouse=True)
def least(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly the variables that have no default."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"GAS_{name.upper()}", raising=False)
    for name, value in LEAST.items():
        monkeypatch.setenv(name, value)


def complaint() -> str:
    with pytest.raises(SystemExit) as ended:
        config.load()
    return str(ended.value)


def test_defaults_and_types() -> None:
    settings = config.load()
    assert settings.account_id == "123456789012"
    assert settings.bundles_dir == Path("/srv/gas/bundles")
    assert settings.free_size_limit == 50_000_000
    assert settings.free_window == 300
    assert (settings.name_prefix, settings.bundle, settings.log_level) == ("gas", "mitochondrion", "INFO")


@pytest.mark.parametrize("name", sorted(LEAST))
def test_each_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    assert f"{name} is not set" in complaint()


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GAS_REGION")
    monkeypatch.setenv("GAS_LEASE_SECONDS", "soon")
    monkeypatch.setenv("GAS_ACCOUNT_ID", "12345")
    said = complaint()
    assert "docs/settings.md" in said
    assert len(said.splitlines()) == 4
    assert "GAS_LEASE_SECONDS is 'soon'" in said
    assert "GAS_ACCOUNT_ID is '12345'" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GAS_SITE_URL", "https://gas.example.org/"),
        ("GAS_SITE_URL", "gas.example.org"),
        ("GAS_POLL_SECONDS", "21"),
        ("GAS_POLL_SECONDS", "0"),
        ("GAS_LEASE_SECONDS", "0"),
        ("GAS_FREE_SIZE_LIMIT", "-1"),
        ("GAS_MAX_FAULTS", "0"),
        ("GAS_LOG_LEVEL", "LOUD"),
    ],
)
def test_values_out_of_range_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert f"{name} is {value!r}" in complaint()


def test_variables_of_others_are_ignored_and_settings_do_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAS_WEB_PORT", "8080")
    settings = config.load()
    with pytest.raises(ValueError, match="frozen"):
        settings.free_window = 1
