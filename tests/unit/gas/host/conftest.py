"""What the tests of hosts share."""

from tests.genome import bundles

__all__ = ["bundles"]
