"""The names of the fleet's parts are those that Terraform gives them: a host that looked for others would never be let
into service."""

import re
from pathlib import Path

from gas import fleet

TERRAFORM = Path(__file__).resolve().parents[3] / "terraform"


def read(name: str) -> str:
    return (TERRAFORM / name).read_text("utf-8")


def test_roles_and_groups() -> None:
    named = re.findall(r'^  name += "\$\{local\.name\}-(\w+)"', read("fleet.tf"), re.MULTILINE)
    assert set(named) == set(fleet.ROLES)
    assert fleet.group_name("gas", "web") == "gas-web"


def test_hooks() -> None:
    text = read("modules/fleet/main.tf")
    hooks = text[text.index('resource "aws_autoscaling_lifecycle_hook"') :]
    assert re.search(r'name += "\$\{var\.name\}-\$\{each\.key\}"', hooks)
    transitions = dict(re.findall(r'(\w+) += \{ transition = "(\w+)"', hooks))
    assert transitions == {"launch": "LAUNCHING", "drain": "TERMINATING"}
    assert fleet.launch_hook("gas", "web") == f"{fleet.group_name('gas', 'web')}-launch"
    assert fleet.drain_hook("gas", "web") == f"{fleet.group_name('gas', 'web')}-drain"


def test_tags_and_log_groups() -> None:
    for tag in (fleet.ROLE_TAG, fleet.PREFIX_TAG, fleet.VERSION_TAG):
        assert f'"{tag}"' in read("fleet.tf")
    assert 'role => "/${local.name}/${role}"' in read("locals.tf")
    assert fleet.log_groups("gas") == "/gas/"


def test_alarms_that_take_a_release_back() -> None:
    text = read("seeing.tf")
    local = text[text.index("rollback_alarms = {") :]
    named = {
        role: tuple(re.findall(r'"([\w-]+)"', listed)) for role, listed in re.findall(r"(\w+) += (\[.*\])", local)[:3]
    }
    assert named == fleet.ROLLBACK_ALARMS
