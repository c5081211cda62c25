"""Reads a file of gene models, whichever of the known formats it has."""

from pathlib import Path

from gas.annotation import gff3, gtf
from gas.annotation.gene_rows import Resolve, is_gtf
from gas.annotation.models import Model
from gas.annotation.reference import BundleError


def read(path: Path, resolve: Resolve) -> list[Model]:
    """The transcripts of a GFF3 or GTF file (told apart by its content), plain or gzip, in file order.

    `resolve` gives the reference's name for a contig, or None for one that it lacks (its rows are left out).
    Raises BundleError naming the line that cannot be understood.
    """
    found = gtf.read(path, resolve) if is_gtf(path) else gff3.read(path, resolve)
    if not found:
        raise BundleError(f"{path.name} has no transcript on any contig of the reference; is it the right GFF3 or GTF?")
    return found
