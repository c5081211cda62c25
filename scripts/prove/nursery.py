"""What every process of a fleet has loaded when it is forked. The fork server imports this, once."""

from agents import annotator, archiver, caller, notifier, restorer, sweeper, thawer
from scripts.prove.fleet import share_models

__all__ = ["annotator", "archiver", "caller", "notifier", "restorer", "sweeper", "thawer"]

share_models()
