"""Overlays: what ClinVar, gnomAD, scores and regions say of a record.

`build` writes them into a bundle from the files that `files` opens; `Overlays` looks records up in them.
"""

from gas.annotation.overlays.lookup import Overlays
from gas.annotation.overlays.spec import OverlaySpec

__all__ = ["OverlaySpec", "Overlays"]
