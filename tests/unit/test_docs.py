"""What is documented is what there is: settings."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from gas.config import Settings

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "settings.md").read_text("utf-8")
PROCESSES = {"web", "annotator", "notifier", "caller", "archiver", "restorer", "thawer", "sweeper", "lifecycle"}


def tables() -> dict[str, list[list[str]]]:
    """The rows of each section's table, cell by cell."""
    found = {}
    for section in TEXT.split("\n## ")[1:]:
        rows = re.findall(r"^\| (`GAS_.*) \|$", section, re.MULTILINE)
        found[section.splitlines()[0]] = [row.split(" | ") for row in rows]
    return found


def names(section: str) -> list[str]:
    return [row[0].strip("`") for row in tables()[section]]


def files(*folders: str) -> list[Path]:
    """The project's own text files there, as git knows or would know them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_every_setting_is_documented_as_it_is() -> None:
    documented = [tuple(row[:3]) for row in tables()["Settings of the service"]]
    real = []
    for name, field in Settings.model_fields.items():
        default = "required" if field.default is PydanticUndefined else f"`{field.default}`"
        real.append((f"`GAS_{name.upper()}`", field.description, default))
    assert documented == real


def test_readers_are_processes() -> None:
    for row in tables()["Settings of the service"]:
        readers = row[3].split(", ")
        assert readers
        assert set(readers) <= PROCESSES, row[0]


def attributes_of_settings(path: Path) -> set[str]:
    """Every X of `settings.X` and `….settings.X` in a module."""
    attributes = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Attribute)]
    return {node.attr for node in attributes if ast.unparse(node.value).split(".")[-1] == "settings"}


@pytest.mark.parametrize(
    ("process", "modules"),
    [
        ("web", ["webserver/**/*.py"]),
        ("annotator", ["agents/annotator.py", "agents/attempt.py", "agents/child.py", "agents/tables.py"]),
        ("notifier", ["agents/notifier.py"]),
        ("caller", ["agents/caller.py"]),
        ("archiver", ["agents/archiver.py", "agents/moves.py"]),
        ("restorer", ["agents/restorer.py", "agents/retrieval.py"]),
        ("thawer", ["agents/thawer.py", "agents/moves.py", "agents/retrieval.py"]),
        ("sweeper", ["agents/sweeper.py", "agents/results.py", "gas/erasure.py"]),
        ("lifecycle", ["agents/lifecycle.py", "gas/host/membership.py"]),
    ],
)
def test_what_a_process_reads_itself_says_so(process: str, modules: list[str]) -> None:
    read = {name for pattern in modules for path in ROOT.glob(pattern) for name in attributes_of_settings(path)}
    documented = {row[0].strip("`") for row in tables()["Settings of the service"] if process in row[3].split(", ")}
    assert {f"GAS_{name.upper()}" for name in read & set(Settings.model_fields)} <= documented


def test_every_setting_is_read_somewhere() -> None:
    modules = [path for path in files("gas", "agents", "webserver") if path.suffix == ".py"]
    read = {name for path in modules for name in attributes_of_settings(path)}
    assert set(Settings.model_fields) <= read


def test_what_supervisor_reads_is_documented_and_nothing_more() -> None:
    read: set[str] = set()
    for path in files("ami/supervisor"):
        text = path.read_text("utf-8")
        read |= set(re.findall(r"%\(ENV_(GAS_[A-Z_]+)\)s", text)) | set(re.findall(r"\$\{?(GAS_[A-Z_]+)", text))
    assert read == set(names("Settings of supervisor"))


def test_every_variable_named_anywhere_is_documented() -> None:
    documented = {name for section in tables() for name in names(section)}
    assert len(documented) == sum(len(names(section)) for section in tables())
    # In Python only whole strings: a prefix such as "GAS_" is no name.
    name = re.compile(r"\bGAS_[A-Z]+(?:_[A-Z]+)*\b")
    for path in files("gas", "agents", "webserver", "scripts", "ami", "Makefile", ".ci", "docs", "README.md"):
        if path.suffix in {".py", ".md", ".conf", ".sh", ".html", ""} and path.name != "settings.md":
            for found in name.findall(path.read_text("utf-8")):
                assert found in documented, f"{path.relative_to(ROOT)}: {found}"
