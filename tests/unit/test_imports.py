"""The import rule (docs: who may know whom), over the syntax tree of every module; and how long a module may be."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gas", "agents", "webserver")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
AWS = ("boto3", "botocore", "s3transfer", "mypy_boto3")
# The sandbox is the command line under limits, started by its module name: the one doorway out of gas.annotation.
DOORWAY = ("gas.annotation.sandbox", "gas.cli")
# Modules that are one agent's handler and `main`.
HANDLERS = ("annotator", "notifier", "caller", "archiver", "restorer", "thawer", "sweeper", "lifecycle")


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(source: str, module: str, is_package: bool) -> Iterator[str]:
    """Full names of what a module imports, wherever in it: of `from a import b` both a and a.b."""
    parent = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = parent.split(".")[: len(parent.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"__import__", "importlib.import_module"}:
            named = node.args[0]
            yield named.value if isinstance(named, ast.Constant) else "something that only the run time knows"


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def forbidden(module: str, imported: str) -> bool:
    """Whether the rule keeps `module` from importing `imported`."""
    if imported == "something that only the run time knows":
        return True
    if module == DOORWAY[0] and within(imported, DOORWAY[1]):
        return False
    if within(module, "gas.annotation"):
        knows_aws = any(within(imported.replace("-", "_"), package) for package in AWS)
        outside = within(imported, "gas") and imported != "gas" and not within(imported, "gas.annotation")
        if knows_aws or outside:
            return True
    front_rooms = {"gas": ("agents", "webserver"), "agents": ("webserver",), "webserver": ("agents",)}
    own = module.split(".")[0]
    return any(within(imported, package) for package in (*front_rooms[own], "scripts", "tests"))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_what_it_may(path: Path) -> None:
    module = name_of(path)
    imported = imports_of(path.read_text("utf-8"), module, path.name == "__init__.py")
    assert [name for name in imported if forbidden(module, name)] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("gas.jobs", "import agents"),
        ("gas.jobs", "from webserver import app"),
        ("agents.annotator", "from webserver.app import app"),
        ("webserver.app", "import agents.lease as lease"),
        ("webserver.app", "def f():\n    from agents import lease"),
        ("gas.annotation.engine", "import boto3"),
        ("gas.annotation.engine", "import botocore.exceptions"),
        ("gas.annotation.engine", "from gas import config"),
        ("gas.annotation.engine", "from gas.jobs import Job"),
        ("gas.annotation.engine", "from ..jobs import Job"),
        ("gas.annotation.engine", "from .. import jobs"),
        ("gas.annotation.engine", "import importlib\nimportlib.import_module('gas.jobs')"),
        ("gas.annotation.engine", "from gas.cli import main"),
        ("gas.annotation.sandbox", "from gas import jobs"),
        ("gas.jobs", "__import__(name)"),
        ("gas.jobs", "from tests import deployment"),
        ("agents.annotator", "import scripts.local"),
    ],
)
def test_the_rule_catches(module: str, source: str) -> None:
    assert any(forbidden(module, name) for name in imports_of(source, module, False))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("gas.jobs", "from gas import items\nfrom gas.items import same\nimport boto3"),
        ("gas.cli", "from gas.annotation import engine"),
        ("agents.annotator", "from agents import child\nfrom gas.jobs import Job"),
        ("gas.annotation.engine", "from gas.annotation import report\nfrom . import codons\nimport pysam"),
    ],
)
def test_the_rule_allows(module: str, source: str) -> None:
    assert not any(forbidden(module, name) for name in imports_of(source, module, False))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_short(path: Path) -> None:
    most = 150 if path.parent.name == "agents" and path.stem in HANDLERS else 400
    assert len(path.read_text("utf-8").splitlines()) < most


def test_annotation_loads_without_aws() -> None:
    """The tree says what is written; this says what happens, through whatever is imported in turn."""
    modules = [name_of(path) for path in MODULES if within(name_of(path), "gas.annotation")]
    program = "import sys, importlib\n" + "".join(f"importlib.import_module({module!r})\n" for module in modules)
    program += "print({name.split('.')[0] for name in sys.modules} & {'boto3', 'botocore', 'agents', 'webserver'})"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "set()"
