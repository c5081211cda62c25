"""The policies that Terraform makes, evaluated as IAM does: action, resource, conditions."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import REGION, ROOT
from tests.deployment import ACCOUNT
from tests.terraform.modules import outputs
from tests.terraform.requests import KEY, Need

# The names of a service on this machine (`scripts/local/environment.py`), so that what is noted there fits.
NAMES: dict[str, Any] = {
    "name": "gas",
    "partition": "aws",
    "region": REGION,
    "account_id": ACCOUNT,
    "dns_suffix": "amazonaws.com",
    "topology": json.loads((ROOT / "gas" / "topology.json").read_text("utf-8")),
    "bucket_names": {"inputs": "gas-inputs", "results": "gas-results", "reference": "gas-reference"},
    "secret_name": "gas/web",
    "mail_domain": "gas.example",
    "mail_address": "no-reply@gas.example",
    "archive_backend": "s3-glacier",
    "key_arn": KEY,
    "log_group_names": {role: f"/gas/{role}" for role in ("web", "annotator", "utility")},
}


@dataclass(frozen=True)
class Grant:
    """One action on one resource pattern, as one statement grants it."""

    action: str
    resource: str
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]

    def allows(self, need: Need) -> bool:
        """Whether this grant alone is enough."""
        context = dict(need.context)
        return (
            self.action.lower() == need.action.lower()
            and _like(self.resource, need.resource)
            and all(_holds(operator, values, context.get(key)) for operator, key, values in self.conditions)
        )

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


def _like(pattern: str, text: str) -> bool:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    expression = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _holds(operator: str, values: tuple[str, ...], found: str | None) -> bool:
    """A condition on a key that the request does not have never holds."""
    if operator == "StringEquals":
        return found in values
    assert operator == "StringLike", operator
    return found is not None and any(_like(value, found) for value in values)


def grants(document: str) -> Iterator[Grant]:
    """Everything that a policy allows, one by one. There is no Deny in ours, and no wildcard in an action."""
    for statement in json.loads(document)["Statement"]:
        assert statement["Effect"] == "Allow", statement
        conditions = tuple(
            (operator, key, tuple([values] if isinstance(values, str) else values))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
        for action in statement["Action"]:
            assert "*" not in action, f"{action}: name the actions one by one"
            for resource in statement["Resource"]:
                yield Grant(action, resource, conditions)


def render(folder: Path, **changes: Any) -> dict[str, dict[str, str]]:
    """The policies of `processes` and `hosts`, by name."""
    return outputs(folder, "permissions", ("processes", "hosts"), {**NAMES, **changes})
