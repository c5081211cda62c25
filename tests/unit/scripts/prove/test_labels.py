"""Every effect that has a name in the source is killed by the proofs."""

import re

from scripts.prove.kills import LIVES
from scripts.prove.matrix import LABELS, RARE
from tests.conftest import ROOT

# What people do in the web server, of which the table with real processes has no process.
PEOPLE = {"role.change", "deletion.mark", "erasure.begin"}
# Only where somebody changes the owner's role in the middle of an upload: the explorer kills it there.
MEETING = {"archiver.discard"}
# A damaged table is made again beside a result's life; tests/unit/agents/test_tables.py fails each of these.
REMADE = {"tables.upload", "tables.commit"}
# What users' own servers are told, beside a result's life; tests/unit/agents/test_caller.py fails each of these.
TOLD = {"caller.send", "caller.note", "caller.settle"}


def named_effects() -> set[str]:
    found: set[str] = set()
    for folder in ("gas", "agents"):
        for path in (ROOT / folder).rglob("*.py"):
            for call in re.findall(r"with effect\((.+)\):|, effect\((.+?)\):", path.read_text("utf-8")):
                found.update(re.findall(r'"([a-z]+\.[a-z-]+)"', "".join(call)))
    return found


def test_the_table_with_real_processes_has_every_effect_of_an_agent() -> None:
    reached = {label for labels in LIVES.values() for label in labels}
    assert reached == named_effects() - PEOPLE - MEETING - REMADE - TOLD


def test_the_table_in_one_process_has_every_effect_of_a_result_s_life() -> None:
    accounts = {label for label in named_effects() if label.startswith("erasure.")}
    assert set(LABELS) | set(RARE) == named_effects() - accounts - REMADE - TOLD
