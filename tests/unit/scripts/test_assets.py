import json
import re
from pathlib import Path

import pytest

from scripts import assets

LOCK = json.loads((assets.ROOT / "package-lock.json").read_text("utf-8"))
PACKAGE = json.loads((assets.ROOT / "package.json").read_text("utf-8"))


def test_every_version_is_exact() -> None:
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in PACKAGE["dependencies"].values())


def test_the_lock_has_a_digest_for_each_package_and_names_no_registry() -> None:
    installed = {name: entry for name, entry in LOCK["packages"].items() if name}
    assert {f"node_modules/{name}" for name in PACKAGE["dependencies"]} <= set(installed)
    for entry in installed.values():
        assert entry["integrity"].startswith("sha512-")
        assert "resolved" not in entry


def test_only_packages_that_are_locked_are_copied() -> None:
    for source in assets.FILES:
        name = "/".join(source.split("/")[: 2 if source.startswith("@") else 1])
        assert name in PACKAGE["dependencies"]


def test_each_package_comes_with_its_licence() -> None:
    copied = {source for source in assets.FILES if source.endswith("LICENSE")}
    assert {source.removesuffix("/LICENSE") for source in copied} == set(PACKAGE["dependencies"])


def test_the_fingerprint_changes_with_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "package-lock.json"
    lock.write_text("{}", "utf-8")
    before = assets.wanted(tmp_path)
    assert before == assets.wanted(tmp_path)
    lock.write_text("{} ", "utf-8")
    assert assets.wanted(tmp_path) != before


def test_copying_replaces_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules, vendor = tmp_path / "node_modules", tmp_path / "vendor"
    (modules / "a" / "icons").mkdir(parents=True)
    (modules / "a" / "x.js").write_text("x", "utf-8")
    (modules / "a" / "icons" / "i.svg").write_text("<svg/>", "utf-8")
    vendor.mkdir()
    (vendor / "stale.js").write_text("old", "utf-8")
    monkeypatch.setattr(assets, "FILES", {"a/x.js": "x.js", "a/icons": "icons"})
    assets.copy(modules, vendor)
    assert sorted(str(path.relative_to(vendor)) for path in vendor.rglob("*")) == ["icons", "icons/i.svg", "x.js"]


def test_npm_beside_this_python_is_found_when_path_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\n", "utf-8")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(assets.sys, "executable", str(tmp_path / "python"))
    assert assets.find_npm() == str(npm)
    npm.unlink()
    assert assets.find_npm() is None


def test_nothing_is_fetched_when_nothing_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".fingerprint").write_text(assets.wanted(assets.ROOT), "utf-8")
    monkeypatch.setattr(assets, "VENDOR", tmp_path)
    monkeypatch.setattr(assets, "find_npm", lambda: pytest.fail("npm was looked for"))
    assert assets.main() == 0


def test_a_failing_npm_ends_with_its_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\nexit 3\n", "utf-8")
    npm.chmod(0o755)
    monkeypatch.setattr(assets, "VENDOR", tmp_path / "vendor")
    monkeypatch.setattr(assets, "find_npm", lambda: str(npm))
    assert assets.main() == 3
    assert not (tmp_path / "vendor").exists()
