"""Opens the file of an overlay, or several of one kind.

The kind is told by the content, never by the name: a VCF has the columns #CHROM POS ID REF ALT, a table a header with
columns for chromosome, position, reference and alternate allele, and BED a start and an end in columns two and three.
"""

import glob
import hashlib
from collections.abc import Sequence
from pathlib import Path

from gas.annotation.overlays.bed import BedSource
from gas.annotation.overlays.lines import Lines
from gas.annotation.overlays.sources import AlleleSource, Field, IntervalSource, Source
from gas.annotation.overlays.tables import TableSource, is_table
from gas.annotation.overlays.vcf import VcfSource, is_vcf
from gas.annotation.reference import BundleError, sha256_of


def files_of(path: Path) -> list[Path]:
    """The file `path`, or all that it matches as a pattern with * ? [ ], by name; raises BundleError for none."""
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    found = sorted(Path(match) for match in glob.glob(str(path)))
    if not found:
        raise BundleError(f"No file matches {path}.")
    return found


def open_sources(path: Path, names: Sequence[str], assembly: str) -> Sequence[AlleleSource] | Sequence[IntervalSource]:
    """The sources in a file, or in the files that a pattern matches: all of one kind, with fields of the same types.

    `assembly` picks among columns such as hg19_pos and grch38_pos. Raises BundleError for a file that is of no known
    kind or lacks one of the fields `names`.
    """
    alleles: list[AlleleSource] = []
    intervals: list[IntervalSource] = []
    for file in files_of(path):
        lines = Lines(file)
        if is_vcf(lines):
            alleles.append(VcfSource(lines, names))
        elif is_table(lines):
            alleles.append(TableSource(lines, names, assembly))
        else:
            intervals.append(BedSource(lines, names))
    if alleles and intervals:
        raise BundleError(f"The files of {path} are not all of one kind.")
    found = alleles or intervals
    _agree(path, found)
    return found


def _agree(path: Path, sources: Sequence[Source]) -> None:
    """Give each field the type that holds its values in every file."""
    for number, field in enumerate(sources[0].fields):
        types = {source.fields[number].type for source in sources}
        if len(types) > 1:
            if not types <= {"Integer", "Float", "String"}:
                raise BundleError(f"The files of {path} have different types for the field {field.id}.")
            wider = "String" if "String" in types else "Float"
            for source in sources:
                source.fields[number] = Field(field.id, wider, field.description)


def sha256_of_all(paths: Sequence[Path]) -> str:
    """The SHA-256 of a file; of several, that of the list `sha256sum` prints for their names in order."""
    if len(paths) == 1:
        return sha256_of(paths[0])
    listed = "".join(f"{sha256_of(path)}  {path.name}\n" for path in paths)
    return hashlib.sha256(listed.encode()).hexdigest()
