"""What Terraform made, for a stack on this machine: the settings that a host would read."""

from typing import Any

# Folders of a host's disk; this machine has its own.
OF_HOSTS = ("GAS_BUNDLES_DIR", "GAS_SCRATCH_DIR")


def host_settings(ssm: Any, name_prefix: str, role: str) -> dict[str, str]:
    """The environment of a host of this role, as its boot reads it from Parameter Store (a boto3 client)."""
    found = {}
    for path in ("common", role):
        pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=f"/{name_prefix}/env/{path}")
        for parameter in (parameter for page in pages for parameter in page["Parameters"]):
            found[parameter["Name"].rpartition("/")[2]] = parameter["Value"]
    return found


def stack_settings(ssm: Any, name_prefix: str, roles: tuple[str, ...]) -> dict[str, str]:
    """The settings of all roles together, for a stack that runs every process on this machine."""
    merged: dict[str, str] = {}
    for role in roles:
        merged |= host_settings(ssm, name_prefix, role)
    return {name: value for name, value in merged.items() if name not in OF_HOSTS}
