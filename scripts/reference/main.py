"""`scripts/build-reference`: downloads what a recipe names and builds the reference bundle of it."""

import argparse
import glob
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.reference import recipe as recipes
from scripts.reference.checksums import NoChecksum
from scripts.reference.download import CannotFetch, Downloader, present
from scripts.reference.progress import Bar, size
from scripts.reference.recipe import GENES, OVERLAY, SEQUENCE, Recipe, RecipeError, RemoteFile, Source

ROOT = Path(__file__).resolve().parents[2]
_GIGABYTE = 1e9


class Stopped(Exception):
    """There is a reason not to go on; str() is one sentence for people."""


@dataclass(frozen=True)
class Part:
    """A file of a source, the folder it goes to, its size where the server says it, and how much is there."""

    source: Source
    file: RemoteFile
    folder: Path
    total: int
    known: bool
    have: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        return _run(chosen)
    except (RecipeError, CannotFetch, NoChecksum, Stopped) as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"{error.filename or 'The disk'}: {error.strerror}.", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped; run it again to go on from here.", file=sys.stderr)
        return 130
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="build-reference",
        description="Download public reference data and build a reference bundle of it. What is there already is not "
        "fetched again, and what was cut off is continued.",
    )
    known = ", ".join(recipes.assemblies())
    parser.add_argument("recipe", help=f"{known}, or a recipe file of your own")
    parser.add_argument("--out", type=Path, help="the bundle's folder (default: var/bundles/ASSEMBLY)")
    parser.add_argument("--name", help="the bundle's name, which every result carries (default: the folder's)")
    parser.add_argument("--cache", type=Path, default=ROOT / "var" / "downloads", help="where downloads are kept")
    parser.add_argument("--only", metavar="OVERLAY[,OVERLAY]", help="take these overlays alone; 'none' for none")
    parser.add_argument("--dry-run", action="store_true", help="print what would be fetched, and its size")
    parser.add_argument("--set", dest="versions", action="append", default=[], metavar="NAME=VERSION",
                        help="another version of a source, such as ensembl=114")  # fmt: skip
    parser.add_argument("--mirror", dest="servers", action="append", default=[], metavar="NAME=URL",
                        help="another server for a source, such as ensembl=https://mirror.example/pub")  # fmt: skip
    return parser


def _run(chosen: argparse.Namespace) -> int:
    recipe = recipes.read(chosen.recipe, _pairs(chosen.versions), _pairs(chosen.servers))
    if chosen.only:
        recipe = recipe.only([] if chosen.only == "none" else chosen.only.split(","))
    out: Path = chosen.out or ROOT / "var" / "bundles" / recipe.assembly
    if out.exists() and not chosen.dry_run:
        raise Stopped(f"{out} exists already; bundles are never changed in place, so remove it or pick another --out.")
    parts = _measure(recipe, chosen.cache)
    if chosen.dry_run:
        print(_listing(recipe, parts, chosen.cache, out))
        return 0
    _check_space(recipe, parts, chosen.cache, out)
    _download(parts)
    return _build(recipe, chosen.cache, out, chosen.name or out.name)


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    for name, equals, value in pairs:
        if not (name and equals and value):
            raise Stopped(f"{name!r} is not of the form NAME=VALUE.")
    return {name: value for name, _, value in pairs}


def _measure(recipe: Recipe, cache: Path) -> list[Part]:
    """Ask for the size of every file."""
    downloader = Downloader(tell=_say)
    parts = []
    for source in recipe.sources:
        folder = cache / recipe.assembly / source.name
        for file in source.files:
            length, have = downloader.size(file), present(file, folder)
            parts.append(Part(source, file, folder, length or have, length is not None, have))
    return parts


def _listing(recipe: Recipe, parts: list[Part], cache: Path, out: Path) -> str:
    lines = []
    for source in recipe.sources:
        own = [part for part in parts if part.source is source]
        total, have = sum(part.total for part in own), sum(part.have for part in own)
        shown = size(total) if all(part.known for part in own) else "unknown size"
        of = f", {len(own)} files" if len(own) > 1 else ""
        there = f", {size(have)} of it there" if have else ""
        lines.append(
            f"{source.name}: {source.what}; {source.version or 'latest'}; {shown}{of}{there}; {source.licence}"
        )
        lines += [f"  {part.file.url}" for part in own]
    fetched, built = _needed(recipe, parts)
    lines.append(f"To fetch: {size(fetched)} into {cache}; building takes up to {size(built)} in {out.parent}.")
    return "\n".join(lines)


def _needed(recipe: Recipe, parts: list[Part]) -> tuple[float, float]:
    """Bytes yet to be fetched, and bytes that building takes."""
    fetched = sum(max(0, part.total - part.have) for part in parts)
    return fetched, sum(source.building for source in recipe.sources) * _GIGABYTE


def _check_space(recipe: Recipe, parts: list[Part], cache: Path, out: Path) -> None:
    fetched, built = _needed(recipe, parts)
    cache.mkdir(parents=True, exist_ok=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    wanted: dict[int, tuple[Path, float]] = {}
    for folder, count in ((cache, fetched), (out.parent, built)):
        device = folder.stat().st_dev
        wanted[device] = (folder, wanted.get(device, (folder, 0.0))[1] + count)
    for folder, count in wanted.values():
        free = shutil.disk_usage(folder).free
        if free < count:
            raise Stopped(
                f"The disk of {folder} has {size(free)} free and {size(count)} are needed; make room, choose another "
                "disk with --cache or --out, or fewer sources with --only."
            )


def _download(parts: list[Part]) -> None:
    bar = Bar(sys.stderr, sum(part.total for part in parts), sum(part.have for part in parts))

    def tell(what: str) -> None:
        bar.clear()
        _say(what)

    downloader = Downloader(bar.add, tell)
    for part in parts:
        fetched = downloader.fetch(part.file, part.folder)
        bar.clear()
        length = size((part.folder / part.file.name).stat().st_size)
        print(f"{part.file.name}: {length}, {'fetched and checked' if fetched else 'there already'}", flush=True)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _build(recipe: Recipe, cache: Path, out: Path, name: str) -> int:
    """Run `gas reference build`; returns its exit status."""
    arguments = ["--name", name, "--assembly", recipe.assembly, "--out", str(out)]
    for source in recipe.sources:
        folder = cache / recipe.assembly / source.name
        if source.role in (SEQUENCE, GENES):
            arguments += [f"--{source.role}", str(folder / source.pattern)]
        elif source.role == OVERLAY:
            path = f"{glob.escape(str(folder))}/{source.pattern}" if "*" in source.pattern else folder / source.pattern
            arguments += ["--overlay", f"{source.overlay}={path}:{','.join(source.fields)}"]
    with tempfile.TemporaryDirectory() as scratch:
        origins = Path(scratch) / "origins.json"
        origins.write_text(json.dumps(_origins(recipe)), encoding="utf-8")
        print(f"Building {out}; a full genome takes hours.", flush=True)
        command = [_gas(), "reference", "build", *arguments, "--origins", str(origins)]
        return subprocess.run(command, check=False).returncode


def _origins(recipe: Recipe) -> dict[str, dict[str, str]]:
    """What the manifest is to say of each source file besides its name and checksum."""
    found = {}
    for source in recipe.sources:
        folder = source.files[0].url.rpartition("/")[0]
        found[source.pattern] = {"url": f"{folder}/{source.pattern}", "licence": source.licence}
        if source.version:
            found[source.pattern]["version"] = source.version
    return found


def _gas() -> str:
    """The program `gas`: of this Python, of the repository's environment, or of the search path."""
    for path in (Path(sys.executable).with_name("gas"), ROOT / ".venv" / "bin" / "gas"):
        if path.is_file():
            return str(path)
    found = shutil.which("gas")
    if found is None:
        raise Stopped("The program gas is not installed; run make setup, then this again: nothing is fetched twice.")
    return found
