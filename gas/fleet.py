"""What the fleet's parts are called: roles, autoscaling groups, their lifecycle hooks, and the tags of instances.

Terraform builds the same names.
"""

ROLES = ("web", "annotator", "utility")

# Tags of an instance; its metadata shows them to itself.
ROLE_TAG = "gas:role"
PREFIX_TAG = "gas:name-prefix"
VERSION_TAG = "gas:version"

# Alarms, without the prefix, that take a release of a role back.
ROLLBACK_ALARMS = {
    "web": ("site-down", "site-errors"),
    "annotator": ("jobs-given-up", "job-requests-fails"),
    "utility": ("archive-fails", "notify-fails"),
}


def group_name(name_prefix: str, role: str) -> str:
    """The autoscaling group of a role."""
    return f"{name_prefix}-{role}"


def launch_hook(name_prefix: str, role: str) -> str:
    """The hook that holds a new instance back until it is ready."""
    return f"{name_prefix}-{role}-launch"


def drain_hook(name_prefix: str, role: str) -> str:
    """The hook that holds an instance that has to go until its work is done or given back."""
    return f"{name_prefix}-{role}-drain"


def log_groups(name_prefix: str) -> str:
    """What the names of all roles' log groups begin with."""
    return f"/{name_prefix}/"
