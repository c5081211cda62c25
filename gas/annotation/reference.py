"""Reference bundles: a folder with a manifest, the genome's sequence, its gene models cut into segments, and overlays.

A bundle is written once by `build` and never changed. `load` checks it against the checksums in its manifest.
"""

import gzip
import hashlib
import json
import mmap
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gas.annotation import accessions

if TYPE_CHECKING:
    from gas.annotation.overlays import OverlaySpec

FORMAT = 2
MANIFEST = "manifest.json"
SEQUENCE = "sequence.bin"
MODELS = "models"
OVERLAYS = "overlays"
NOTICE = "NOTICE"
# Files up to this size are hashed at every load; larger ones are compared by size, and hashed by `Bundle.verify`.
HASHED_ON_LOAD = 8 << 20

MITOCHONDRIAL_NAMES = ("MT", "M", "chrM", "chrMT")
# The revised Cambridge Reference Sequence, the mitochondrion of GRCh37 (Ensembl, 1000 Genomes) and GRCh38.
RCRS_MD5 = "c68f52674c9fb33aef52dcf399755519"
RCRS_ACCESSION = "NC_012920.1"
STANDARD_CODE, VERTEBRATE_MITOCHONDRIAL_CODE = 1, 2

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class BundleError(Exception):
    """A bundle cannot be built or used; str() is one sentence for people."""


@dataclass(frozen=True)
class Contig:
    """One sequence of the reference: `length` in bases, `codon_table` the NCBI genetic code number."""

    name: str
    length: int
    synonyms: tuple[str, ...]
    codon_table: int


class ContigSequence:
    """A contig's bases, upper case, 0-based half-open like a str, read from the memory-mapped bundle when sliced."""

    __slots__ = ("_view", "codes")

    def __init__(self, codes: "np.ndarray[Any, np.dtype[np.uint8]]") -> None:
        """`codes`: the ASCII codes of the bases, for vectorised look-ups."""
        self.codes = codes
        # Slicing this takes a third of the time that slicing the array does.
        self._view = codes.data

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, key: int | slice) -> str:
        if isinstance(key, slice):
            return str(self._view[key], "ascii")
        return chr(self._view[key])


class Bundle:
    """An opened reference bundle.

    `contigs` keeps the order of the reference FASTA, which is the order of the output.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.manifest = manifest
        self.name: str = manifest["name"]
        self.assembly: str = manifest["assembly"]
        self.contigs: dict[str, Contig] = {}
        self._offsets: dict[str, int] = {}
        for entry in manifest["contigs"]:
            contig = Contig(entry["name"], entry["length"], tuple(entry["synonyms"]), entry["codon_table"])
            self.contigs[contig.name] = contig
            self._offsets[contig.name] = entry["offset"]
        self._by_synonym = {s: c for c in self.contigs.values() for s in c.synonyms} | self.contigs
        self._mapping: mmap.mmap | None = None
        self._sequence = np.empty(0, np.uint8)
        self._touched = ""
        self._tables: dict[str, NDArray[Any]] = {}

    def resolve(self, name: str) -> Contig | None:
        """The contig that `name` (as written in a user's file) means, or None."""
        return self._by_synonym.get(name)

    def sequence(self, contig_name: str) -> ContigSequence:
        """The bases of the contig with this (the bundle's own) name; nothing is read before it is sliced."""
        if self._mapping is None:
            with (self.path / SEQUENCE).open("rb") as file:
                self._mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            # A plain array over the mapping: slicing np.memmap itself takes ten times as long.
            self._sequence = np.frombuffer(self._mapping, np.uint8)
        if contig_name != self._touched:
            # A page that is touched may bring a megabyte with it, and a thousand of them a gigabyte. What is let go of
            # here stays in the system's cache.
            self._touched = contig_name
            self._mapping.madvise(mmap.MADV_DONTNEED)
        start = self._offsets[contig_name]
        return ContigSequence(self._sequence[start : start + self.contigs[contig_name].length])

    def table(self, file: str) -> NDArray[Any]:
        """A table of the gene models (texts: bytes), mapped into memory once: every mapping's pages count as memory."""
        if file not in self._tables:
            path = self.path / MODELS / file
            mapped = np.load(path, mmap_mode="r") if path.suffix == ".npy" else np.memmap(path, np.uint8, "r")
            # A plain array over the mapping: slicing np.memmap itself takes ten times as long.
            self._tables[file] = np.asarray(mapped)
        return self._tables[file]

    def verify(self) -> None:
        """Hash every file of the bundle, however large; raises BundleError for the first that has changed."""
        _verify(self.path, self.manifest, hash_up_to=None)


def load(dir_or_name: str | os.PathLike[str], bundles_dir: str | os.PathLike[str] | None = None) -> Bundle:
    """Open a bundle by its folder, or by its name in `bundles_dir` (default: $GAS_BUNDLES_DIR).

    Raises BundleError when there is none, it was written by another format version, or a file has changed.
    """
    path = _locate(dir_or_name, bundles_dir)
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"The manifest of the reference bundle {path} cannot be read: {error}.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BundleError(
            f"The reference bundle {path} was written by another version of GAS; build it again with "
            "'gas reference build'."
        )
    _verify(path, manifest, hash_up_to=HASHED_ON_LOAD)
    return Bundle(path, manifest)


def build(
    name: str,
    assembly: str,
    fasta: str | os.PathLike[str],
    gff3: str | os.PathLike[str],
    overlays: "Sequence[OverlaySpec]",
    out: str | os.PathLike[str],
    origins: Mapping[str, Mapping[str, str]] | None = None,
    notice: str = "",
    codon_tables: Mapping[str, int] | None = None,
) -> Bundle:
    """Write the bundle `out` (a folder that must not exist) from a FASTA and a GFF3 or GTF, plain or gzip; open it.

    `origins` adds to the manifest where a source comes from: file name to "version", "licence" and the like. `notice`,
    for those who pass the bundle on, becomes its file NOTICE. `codon_tables` gives contigs NCBI genetic codes; a gene's
    own comes first, and without either it is 2 for a mitochondrion and 1 for others. The folder appears whole or not at
    all. Raises BundleError for what is wrong with the inputs.
    """
    target = Path(out)
    if not _NAME.fullmatch(name):
        raise BundleError(f"{name!r} cannot name a bundle: use letters, digits, '.', '_' and '-'.")
    if target.exists():
        raise BundleError(f"{target} exists already; bundles are never changed in place, so remove it or pick another.")
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        if notice:
            (work / NOTICE).write_text(notice, encoding="utf-8")
        manifest = _write(work, name, assembly, Path(fasta), Path(gff3), overlays, codon_tables or {})
        for source in manifest["sources"]:
            source.update((origins or {}).get(source["file"], {}))
        (work / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        work.chmod(0o755)
        work.rename(target)
    except OSError as error:
        raise BundleError(f"The bundle cannot be built: {error}.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return load(target)


def open_text(path: Path) -> IO[bytes] | gzip.GzipFile:
    """Open a plain or gzip file, told apart by its first bytes, for reading lines of bytes."""
    with path.open("rb") as start:
        zipped = start.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if zipped else path.open("rb")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(
    work: Path,
    name: str,
    assembly: str,
    fasta: Path,
    gff3: Path,
    overlays: "Sequence[OverlaySpec]",
    codon_tables: Mapping[str, int],
) -> dict[str, Any]:
    contigs = list(_write_sequence(fasta, work / SEQUENCE, assembly))
    _set_codon_tables(contigs, codon_tables)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "assembly": assembly,
        "builder": f"gas {_version()}",
        "contigs": contigs,
        "sources": [
            {"name": kind, "file": path.name, "version": "", "sha256": sha256_of(path)}
            for kind, path in (("sequence", fasta), ("gene models", gff3))
        ],
        "overlays": [],
    }
    unfinished = Bundle(work, manifest)
    manifest["models"] = _write_models(work / MODELS, gff3, unfinished)
    if overlays:
        from gas.annotation.overlays.build import build as build_overlay

        (work / OVERLAYS).mkdir()
        manifest["overlays"] = [build_overlay(spec, unfinished, work / OVERLAYS) for spec in overlays]
        manifest["sources"] += [entry["source"] for entry in manifest["overlays"]]
    manifest["files"] = {
        str(path.relative_to(work)): {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in sorted(work.rglob("*"))
        if path.is_file()
    }
    return manifest


def _set_codon_tables(contigs: list[dict[str, Any]], codon_tables: Mapping[str, int]) -> None:
    from gas.annotation.codons import TABLES

    entries = {entry["name"]: entry for entry in contigs}
    for name, number in codon_tables.items():
        if name not in entries:
            raise BundleError(f"A genetic code is given for {name!r}, which the sequence does not have.")
        if number not in TABLES:
            raise BundleError(f"{number} is no genetic code that GAS knows; NCBI numbers them.")
        entries[name]["codon_table"] = number


def _write_models(directory: Path, gff3: Path, bundle: Bundle) -> dict[str, Any]:
    # Only needed here: whoever opens a bundle does not read gene models.
    from gas.annotation import gene_files, models, segments, transcripts

    def name_of(written: str) -> str | None:
        contig = bundle.resolve(written)
        return contig.name if contig else None

    directory.mkdir()
    by_contig: dict[str, list[models.Model]] = {name: [] for name in bundle.contigs}
    for model in gene_files.read(gff3, name_of):
        if model.end > bundle.contigs[model.contig].length:
            raise BundleError(
                f"{gff3.name}: {model.id} ends beyond {model.contig}; the gene models are for another assembly."
            )
        by_contig[model.contig].append(model)
    for found in by_contig.values():
        found.sort(key=lambda model: (model.start, model.end))
    transcripts.write([model for found in by_contig.values() for model in found], directory)
    ranges = segments.write(list(by_contig.values()), directory, workers=os.cpu_count() or 1)
    return {
        "file": gff3.name,
        "transcripts": sum(map(len, by_contig.values())),
        "contigs": {name: asdict(part) for name, part in zip(by_contig, ranges, strict=True)},
    }


def _version() -> str:
    from importlib.metadata import version

    return version("gas-genomics")


def _write_sequence(fasta: Path, out: Path, assembly: str) -> Iterator[dict[str, Any]]:
    """Append each record's bases to `out`; yields the contigs' manifest entries."""
    # Only needed here, as what reads gene models.
    from gas.annotation.fasta import records

    seen: set[str] = set()
    offset = 0
    with out.open("wb") as file:
        for name, bases in records(fasta):
            if name in seen:
                raise BundleError(f"{fasta.name} has two sequences called {name}.")
            seen.add(name)
            file.write(bases)
            yield asdict(_describe(name, bases, assembly)) | {"offset": offset}
            offset += len(bases)
    if not seen:
        raise BundleError(f"{fasta.name} holds no sequence; a FASTA file begins with a '>' line.")


def _describe(name: str, bases: bytes, assembly: str) -> Contig:
    if name in (*MITOCHONDRIAL_NAMES, RCRS_ACCESSION):
        synonyms: tuple[str, ...] = MITOCHONDRIAL_NAMES
        if hashlib.md5(bases, usedforsecurity=False).hexdigest() == RCRS_MD5:
            synonyms += (RCRS_ACCESSION,)
        table = VERTEBRATE_MITOCHONDRIAL_CODE
    else:
        synonyms = (name[3:],) if name.lower().startswith("chr") and len(name) > 3 else (f"chr{name}",)
        synonyms += accessions.synonyms(name, assembly)
        table = STANDARD_CODE
    return Contig(name, len(bases), tuple(s for s in synonyms if s != name), table)


def _locate(dir_or_name: str | os.PathLike[str], bundles_dir: str | os.PathLike[str] | None) -> Path:
    path = Path(dir_or_name)
    if (path / MANIFEST).is_file():
        return path
    shelf = bundles_dir or os.environ.get("GAS_BUNDLES_DIR")
    if shelf and _NAME.fullmatch(str(dir_or_name)) and (Path(shelf) / dir_or_name / MANIFEST).is_file():
        return Path(shelf) / dir_or_name
    where = f" and not in {shelf}" if shelf else "; GAS_BUNDLES_DIR, the folder where names are looked up, is not set"
    raise BundleError(f"There is no reference bundle at {str(dir_or_name)!r}{where}.")


def _verify(path: Path, manifest: dict[str, Any], hash_up_to: int | None) -> None:
    for relative, expected in manifest["files"].items():
        file = path / relative
        try:
            size = file.stat().st_size
            intact = size == expected["bytes"] and (
                (hash_up_to is not None and size > hash_up_to) or sha256_of(file) == expected["sha256"]
            )
        except OSError as error:
            raise BundleError(f"The reference bundle {path} is not whole: {error}.") from error
        if not intact:
            raise BundleError(f"{file} is not what its bundle's manifest says; build the bundle again.")
