import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gas.admin import inventory
from gas.admin.inventory import BadInventory
from gas.archives import tree_hash
from tests.deployment import client

ROOT = Path(__file__).resolve().parents[4]
DATE = "2026-11-25T18:30:00.000Z"


def text_of(*entries: Any, date: str | None = DATE) -> bytes:
    head = {"VaultARN": "arn"} | ({"InventoryDate": date} if date else {})
    return json.dumps({**head, "ArchiveList": list(entries)}, ensure_ascii=False).encode()


def entry(archive_id: str, label: str | None = "a/b/1") -> dict[str, Any]:
    return {"ArchiveId": archive_id, "ArchiveDescription": label, "CreationDate": DATE, "Size": 1}


def in_pieces(text: bytes, size: int) -> Iterator[bytes]:
    return iter([text[at : at + size] for at in range(0, len(text), size)])


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_an_inventory_is_read_however_it_is_cut(size: int) -> None:
    found = inventory.read(in_pieces(text_of(entry("x"), entry("y", "größe ]},{"), entry("z", None)), size))
    assert found.date == 1795631400
    assert list(found.archives) == [("x", "a/b/1"), ("y", "größe ]},{"), ("z", "")]


def test_an_empty_vault() -> None:
    assert list(inventory.read([text_of()]).archives) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"ArchiveId,Size\n", "no ArchiveList"),
        (b" " * 20_000 + b'"ArchiveList":[', "no ArchiveList"),
        (text_of(entry("x"), date=None), "InventoryDate must stand before"),
        (text_of(entry("x"))[:-30], "ends in the middle"),
        (text_of({"Size": 1}), "without ArchiveId"),
        (text_of(17), "without ArchiveId"),
        (text_of(entry("x"), date="yesterday"), "date is none: 'yesterday'"),
        (b"\x1f\x8b\x08\x00", "not UTF-8"),
        (text_of(entry("x"))[:-30] + b"\xff", "not UTF-8"),
    ],
    ids=["csv", "endless", "no date", "cut", "no id", "no object", "bad date", "gzip", "bad end"],
)
def test_what_is_no_inventory_is_told(text: bytes, why: str) -> None:
    with pytest.raises(BadInventory, match=why):
        list(inventory.read(in_pieces(text, 1000)).archives)


@pytest.fixture
def vault(aws_environment: None) -> str:
    name = f"v{uuid.uuid4().hex}"
    client("glacier").create_vault(vaultName=name)
    return name


def test_a_vaults_inventory_is_fetched(vault: str) -> None:
    glacier = client("glacier")
    made = glacier.upload_archive(
        vaultName=vault, archiveDescription="a/b/1", body=b"abc", checksum=tree_hash.of_part(b"abc")
    )
    found = inventory.fetch(glacier, vault, lambda _: None)
    assert found is not None
    assert list(found.archives) == [(made["archiveId"], "a/b/1")]


def test_a_job_that_was_begun_before_is_found_again(vault: str) -> None:
    glacier = client("glacier")

    class Interrupted(Exception):
        """Ctrl-C."""

    def interrupt(_: float) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        inventory.fetch(glacier, vault, lambda _: None, interrupt)
    assert inventory.fetch(glacier, vault, lambda _: None) is not None
    assert len(glacier.list_jobs(vaultName=vault)["JobList"]) == 1


@pytest.mark.parametrize("limit", [{"EndDate": DATE}, {"StartDate": DATE}, {"Limit": "10"}])
def test_a_part_that_somebody_else_has_asked_for_is_not_taken_for_the_whole(vault: str, limit: dict[str, str]) -> None:
    glacier = client("glacier")

    class Limited:
        """The vault, all of whose jobs so far were asked for a part of the inventory."""

        def __getattr__(self, name: str) -> Any:
            return getattr(glacier, name)

        def get_paginator(self, operation: str) -> Any:
            return self

        def paginate(self, **asked: str) -> Iterator[Any]:
            for job in glacier.list_jobs(**asked)["JobList"]:
                yield {"JobList": [{**job, "InventoryRetrievalParameters": {"Format": "JSON", **limit}}]}

    for begun in (1, 2):
        assert inventory.fetch(Limited(), vault, lambda _: None) is not None
        assert len(glacier.list_jobs(vaultName=vault)["JobList"]) == begun


def test_whoever_waits_is_told_how_long(vault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "FIRST_POLL_SECONDS", 11)
    said: list[str] = []
    pauses: list[float] = []

    class Slow:
        """Ready at the third look."""

        def __getattr__(self, name: str) -> Any:
            return getattr(client("glacier"), name)

        def describe_job(self, **asked: str) -> Any:
            job = client("glacier").describe_job(**asked)
            return {**job, "Completed": len(pauses) >= 2, "StatusCode": "Failed", "StatusMessage": "no luck"}

    with pytest.raises(BadInventory, match="no luck"):
        inventory.fetch(Slow(), vault, said.append, pauses.append)
    assert pauses == [11, 22]
    assert len(said) == 1


def test_other_commands_do_not_load_the_aws_libraries() -> None:
    program = "import sys\nfrom gas import cli\nassert cli.run(['--help']) == 0\nprint('boto3' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "admin" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "False"


def test_a_missing_setting_is_named() -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("GAS_")}
    program = "from gas import cli\ncli.main(['admin', 'verify'])"
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=bare, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert "GAS_REGION is not set" in ran.stderr
    assert "Traceback" not in ran.stderr
