"""The environment of this host's processes: what the image says, what the instance is, what Parameter Store says."""

import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gas import config
from gas.config import Settings
from gas.host.failures import NotReady, check_clock, in_words
from gas.host.roles import ROLES, Identity

# Read here, by no process.
OWN = {"GAS_REFERENCE_BUCKET", "GAS_OPS_KEYS"}
# Whatever else stands in Parameter Store must not reach PATH or LD_PRELOAD.
_NAME = re.compile(r"(GAS|GLOBUS|AWS)_[A-Z0-9_]+")
_ESCAPED = str.maketrans({character: f"\\{character}" for character in '\\"$`'})


def paths(identity: Identity) -> tuple[str, str]:
    """Where Terraform writes the settings: those of all hosts, then those of the role, which win."""
    return f"/{identity.name_prefix}/env/common", f"/{identity.name_prefix}/env/{identity.role}"


def read(ssm: Any, identity: Identity, now: Callable[[], float] = time.time) -> dict[str, str]:
    """The settings in Parameter Store, one parameter each, by name. Raises NotReady."""
    found: dict[str, str] = {}
    for path in paths(identity):
        with in_words(f"Reading the settings in Parameter Store under {path}", now):
            for page in ssm.get_paginator("get_parameters_by_path").paginate(Path=path):
                check_clock(page["ResponseMetadata"], now)
                for parameter in page["Parameters"]:
                    name = parameter["Name"].rpartition("/")[2]
                    if not _NAME.fullmatch(name):
                        raise NotReady(f"The parameter {parameter['Name']} is no setting of GAS: remove it.")
                    found[name] = parameter["Value"]
    return found


def derive(identity: Identity, cores: int) -> dict[str, str]:
    """What follows from the instance itself; Parameter Store may say otherwise."""
    role = ROLES[identity.role]
    return {
        "AWS_DEFAULT_REGION": identity.region,
        "GAS_REGION": identity.region,
        "GAS_NAME_PREFIX": identity.name_prefix,
        "GAS_PROGRAM_FILES": " ".join(f"{name}.conf" for name in role.programs),
        "GAS_MEMORY_WATCH": role.memory_watch,
        "GAS_ANNOTATOR_PROCESSES": str(cores),
        "GAS_WEB_WORKERS": str(cores),
    }


def check(environment: Mapping[str, str], identity: Identity) -> Settings:
    """The settings as every process will read them. Raises NotReady, which names each that is missing or wrong."""
    given = {name.removeprefix("GAS_").lower(): value for name, value in environment.items() if name.startswith("GAS_")}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        common, own = paths(identity)
        raise NotReady(f"{config.explain(error)}\nTerraform writes them under {common} and {own}.") from error


def write(path: Path, environment: Mapping[str, str]) -> None:
    """Write a file for systemd's EnvironmentFile=, readable by root only. Raises NotReady.

    https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#EnvironmentFile=
    """
    for name, value in environment.items():
        if "\n" in value or "\0" in value:
            raise NotReady(f"The setting {name} has more than one line.")
    lines = [f'{name}="{value.translate(_ESCAPED)}"\n' for name, value in sorted(environment.items())]
    with in_words(f"Writing {path}"):
        work = path.with_name(f".{path.name}.new")
        with os.fdopen(os.open(work, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.writelines(lines)
        work.rename(path)
