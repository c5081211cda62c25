"""Recipes: what a reference bundle is made of and where that is published, read from the TOML files in this folder."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
# The sources no bundle is without.
SEQUENCE, GENES, OVERLAY = "fasta", "gff3", "overlay"


class RecipeError(Exception):
    """What was asked for is not in the recipe; str() is one sentence for people."""


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch. Its checksum is `md5`, or published at `checksums` as `method` ("sum" or "md5") has it."""

    url: str
    method: str
    checksums: str = ""
    md5: str = ""

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Source:
    """One database: its files, and what becomes of them in the bundle.

    `building`: gigabytes of disk that building takes for it. `pattern`: what the names of all its files match.
    """

    name: str
    role: str
    what: str
    licence: str
    version: str
    building: float
    files: tuple[RemoteFile, ...]
    pattern: str
    overlay: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """A reference bundle to be."""

    assembly: str
    sources: tuple[Source, ...]

    def only(self, names: list[str]) -> "Recipe":
        """The recipe with these overlays and no others. Raises RecipeError for a name it does not have."""
        overlays = [source.name for source in self.sources if source.role == OVERLAY]
        for name in names:
            if name not in overlays:
                raise RecipeError(f"The recipe has no overlay {name}; it has {', '.join(overlays)}.")
        chosen = (source for source in self.sources if source.role != OVERLAY or source.name in names)
        return Recipe(self.assembly, tuple(chosen))


def assemblies() -> list[str]:
    """The assemblies there are recipes for."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read(name: str, versions: Mapping[str, str], servers: Mapping[str, str]) -> Recipe:
    """The recipe for an assembly, or in a file, with versions and servers other than its own where given.

    Raises RecipeError when there is none, or it lacks one of the versions or servers.
    """
    path = FOLDER / f"{name}.toml" if name in assemblies() else Path(name)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        known = ", ".join(assemblies())
        raise RecipeError(f"{name} is no recipe ({error}); give {known} or a recipe file.") from error
    try:
        return _recipe(raw, versions, servers)
    except KeyError as error:
        raise RecipeError(f"The recipe {name} has nothing called {error}.") from error


def _recipe(raw: dict[str, Any], versions: Mapping[str, str], servers: Mapping[str, str]) -> Recipe:
    for given, kind in ((versions, "versions"), (servers, "servers")):
        known = raw.setdefault(kind, {})
        for name in given:
            if name not in known:
                raise RecipeError(f"The recipe has no {name} among its {kind}, which are {', '.join(known)}.")
    chosen = {**raw["versions"], **versions}
    sites = {**raw["servers"], **servers}
    return Recipe(raw["assembly"], tuple(_source(entry, chosen, sites) for entry in raw["sources"]))


def _source(entry: dict[str, Any], versions: Mapping[str, str], servers: Mapping[str, str]) -> Source:
    return Source(
        name=entry["name"],
        role=entry["role"],
        what=entry["what"],
        licence=entry["licence"],
        version=entry.get("version", "").format_map(versions),
        building=entry["building"],
        files=tuple(_files(entry, versions, servers[entry["server"]].rstrip("/"))),
        pattern=entry["path"].rpartition("/")[2].format(part="*", **versions),
        overlay=entry.get("overlay", ""),
        fields=tuple(entry.get("fields", ())),
    )


def _files(entry: dict[str, Any], versions: Mapping[str, str], server: str) -> list[RemoteFile]:
    def url(part: str = "") -> str:
        return f"{server}/{entry['path'].format(part=part, **versions)}"

    md5 = entry.get("md5")
    if isinstance(md5, dict):
        return [RemoteFile(url(part), "md5", md5=value) for part, value in md5.items()]
    if md5:
        return [RemoteFile(url(), "md5", md5=md5)]
    if entry["checksums"] == "sum":
        return [RemoteFile(url(), "sum", f"{url().rpartition('/')[0]}/CHECKSUMS")]
    return [RemoteFile(url(), "md5", f"{url()}.md5")]
