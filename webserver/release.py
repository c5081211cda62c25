"""Which release of GAS this is."""

from importlib.metadata import version

VERSION = version("gas-genomics")
