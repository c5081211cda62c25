"""The command line: `gas annotate`, `gas reference build`, `gas submit` …; for operators, `gas admin` and `gas ops`."""

import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class

# Exit codes: annotated; our fault; the input was refused.
OK, FAULT, REFUSED = 0, 1, 2

_FILE = click.Path(path_type=Path)
SHELLS = ("bash", "zsh", "fish")

# The commands of `gas.client`: only their own use loads the libraries that they need.
REMOTE = {
    "login": "Sign in to a deployment with Globus.",
    "logout": "Revoke this machine's tokens.",
    "submit": "Upload files and annotate them there.",
    "jobs": "List your jobs.",
    "status": "Where a job stands.",
    "download": "Fetch a file of a job.",
    "query": "Show the variants of a result that matter.",
    "cancel": "Stop jobs.",
    "delete": "Delete finished jobs.",
}


class _Gas(click.Group):
    """`gas`, with the commands against a deployment beside those of this machine."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *REMOTE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in REMOTE:
            return super().get_command(ctx, cmd_name)
        from gas.client import commands, query

        return next(command for command in (*commands.COMMANDS, query.query) if command.name == cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Also without loading them: `gas --help` has to be quick."""
        here = {name: super(_Gas, self).get_command(ctx, name) for name in super().list_commands(ctx)}
        with formatter.section("On this machine, and for operators"):
            formatter.write_dl([(name, command.get_short_help_str()) for name, command in here.items() if command])
        with formatter.section("With a deployment"):
            formatter.write_dl(list(REMOTE.items()))


@click.group(cls=_Gas, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gas-genomics", prog_name="gas")
def gas() -> None:
    """Annotate genetic variants with their consequences, on your own machine or with a deployment of GAS.

    Exit codes: 0 done; 1 our fault; 2 refused, with one sentence that says why; 3 sign in first.
    """


@gas.command()
@click.argument("input", type=_FILE)
@click.option("--bundle", required=True, help="The reference bundle: its folder, or its name in $GAS_BUNDLES_DIR.")
@click.option("-o", "--output", required=True, type=_FILE, help="The annotated VCF (BGZF); its index goes beside it.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes to use.")
@click.option("--tsv", type=_FILE, help="Also write a table: one row for each allele, with its most telling entry.")
@click.option("--parquet", type=_FILE, help="Also write that table as Parquet.")
@click.option("--summary", type=_FILE, help="Also write what was counted: types, consequences, Ti/Tv, … (JSON).")
@click.option("--receipt", type=_FILE, help="Also write the receipt: what became of every record, checksums (JSON).")
@click.option("--log", type=_FILE, help="Also write the receipt as text for people.")
@click.option("--input-name", default="", help="What the receipt calls the input; its file name unless given.")
@click.option("--progress-fd", type=click.IntRange(0), help="File descriptor for progress, one JSON object a line.")
@click.option("--debug", is_flag=True, help="Show the traceback of a fault.")
def annotate(input: Path, bundle: str, output: Path, progress_fd: int | None, debug: bool, **wanted: Any) -> None:
    """Annotate the variants of INPUT: a VCF (4.0 to 4.5, plain, gzip or BGZF) or a BCF, sorted or not.

    INFO gets CSQ, laid out as Ensembl VEP does it, with an entry for each allele and each transcript within 5,000
    bases, and the fields of the bundle's overlays. What has no allele to annotate is passed through; records that
    contradict the reference or the format are left out, counted on standard error and listed in the receipt.

    \b
    gas annotate sample.vcf.gz --bundle bundles/GRCh38 -o annotated.vcf.gz
    gas annotate sample.bcf --bundle GRCh38 -o out.vcf.gz --workers 8 --tsv out.tsv

    \b
    Exit status:
      0  annotated
      2  the input was refused; standard error says why, in a sentence
      1  the command or the bundle is wrong, or it was our fault

    docs/engine.md tells every field, limit and reason.
    """
    # Nothing here is linear algebra; its threads would only be started.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from gas.annotation import engine, reference

    if output.exists() and input.exists() and output.samefile(input):
        raise click.UsageError(f"{output} is the input: the result needs another name.")
    options = engine.Options(input, reference.load(bundle), output, **wanted)
    engine.collect_rarely()
    receipt = engine.annotate(options, _progress(progress_fd))
    tally = receipt.tally
    passed, rejected = tally.passed.total(), tally.rejected.total()
    click.echo(
        f"{tally.read:,} records read: {tally.annotated:,} annotated, {passed:,} passed through, ", nl=False, err=True
    )
    click.echo(f"{rejected:,} rejected.", err=True)
    for reason, count in tally.rejected.most_common():
        click.echo(f"  rejected {count:,}: {reason}", err=True)


@gas.command()
@click.argument("vcf", type=_FILE)
@click.option("-o", "--output", required=True, type=_FILE, help="The table to write (Parquet).")
@click.option("--debug", is_flag=True, help="Show the traceback of a fault.")
def table(vcf: Path, output: Path, debug: bool) -> None:
    """Make the table of VCF, which `gas annotate` has written: what --parquet writes on the way."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from gas.annotation.retable import rebuild

    click.echo(f"{rebuild(vcf, output):,} records.", err=True)


def _progress(descriptor: int | None) -> Callable[[int, int | None], None] | None:
    if descriptor is None:
        return None
    file = os.fdopen(descriptor, "w", encoding="ascii")

    def tell(done: int, total: int | None) -> None:
        file.write(json.dumps({"done": done, "total": total}) + "\n")
        file.flush()

    return tell


@gas.group()
def reference() -> None:
    """Make reference bundles."""


@reference.command()
@click.option("--name", required=True, help="The bundle's name, which every result will carry.")
@click.option("--assembly", required=True, help="The genome assembly, such as GRCh38.")
@click.option("--fasta", required=True, type=_FILE, help="The genome's sequence, FASTA, plain or gzip.")
@click.option("--gff3", required=True, type=_FILE, help="The gene models, GFF3 or GTF, plain or gzip.")
@click.option("--overlay", "overlays", multiple=True, metavar="NAME=FILE:FIELD,…", help="Values to add to alleles.")
@click.option("--codon-table", "codes", multiple=True, metavar="CONTIG=NUMBER", help="A contig's NCBI genetic code.")
@click.option("--origins", type=_FILE, help="What to note of sources: JSON, file name to version, licence, url.")
@click.option("--out", required=True, type=_FILE, help="The folder to make.")
@click.option("--debug", is_flag=True, help="Show the traceback of a fault.")
def build(
    overlays: tuple[str, ...], codes: tuple[str, ...], origins: Path | None, out: Path, debug: bool, **given: Any
) -> None:
    """Build a reference bundle from a genome's sequence and gene models.

    The gene models are Ensembl's or NCBI RefSeq's GFF3, or GENCODE's or Ensembl's GTF. An overlay is a VCF, a table
    with a header, or a BED; its fields become INFO fields NAME_FIELD of every result.

    \b
    gas reference build --name human --assembly GRCh38 --fasta genome.fa.gz --gff3 genes.gff3.gz \\
        --overlay CLINVAR=clinvar.vcf.gz:CLNSIG,CLNDN --out bundles/human

    docs/reference-bundles.md has more, and scripts/build-reference does all of it for the human genome.
    """
    from gas.annotation import overlays as overlay
    from gas.annotation import reference as bundles

    # A large overlay takes hours.
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    specs = [overlay.OverlaySpec.parse(text) for text in overlays]
    noted = _origins(origins) if origins else {}
    tables = dict(map(_codon_table, codes))
    bundle = bundles.build(**given, overlays=specs, out=out, origins=noted, codon_tables=tables)
    models = bundle.manifest["models"]["transcripts"]
    click.echo(f"{out}: {len(bundle.contigs):,} contigs, {models:,} transcripts, {len(specs):,} overlays.", err=True)


def _origins(path: Path) -> dict[str, dict[str, str]]:
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.BadParameter(f"{path} is not JSON ({error}).", param_hint="--origins") from error
    if not isinstance(noted, dict) or not all(isinstance(facts, dict) for facts in noted.values()):
        raise click.BadParameter(f"{path} maps no file names to facts.", param_hint="--origins")
    return noted


def _codon_table(text: str) -> tuple[str, int]:
    contig, equals, number = text.rpartition("=")
    if not equals or not number.isdecimal():
        raise click.BadParameter(f"{text!r}: write CONTIG=NUMBER, such as Mito=3", param_hint="--codon-table")
    return contig, int(number)


class _Operators(click.Group):
    """`gas admin` and `gas ops`, of which only their own use loads the AWS libraries."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return _operators(self.name).list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _operators(self.name).get_command(ctx, cmd_name)


def _operators(name: str | None) -> click.Group:
    if name == "ops":
        from gas.ops.commands import ops

        return ops
    from gas.admin.commands import admin

    return admin


@gas.group(cls=_Operators)
def admin() -> None:
    """For operators: look into a deployment and mend it. The GAS_* settings say which."""


@gas.group(cls=_Operators)
def ops() -> None:
    """For operators: hosts, what runs on them, their logs, and releases."""


@gas.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that lets SHELL complete commands, options and, where you are signed in, ids of jobs.

    \b
    bash   echo 'eval "$(gas completion bash)"' >> ~/.bashrc
    zsh    echo 'eval "$(gas completion zsh)"' >> ~/.zshrc
    fish   gas completion fish > ~/.config/fish/completions/gas.fish
    """
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(gas, {}, "gas", "_GAS_COMPLETE").source())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process; faults become one sentence unless --debug is given."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run(given))


def run(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    try:
        # What a command exits with is returned here; most return nothing.
        ended = gas.main(arguments, prog_name="gas", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return FAULT
    except click.Abort:
        return FAULT
    except Exception as error:
        return _explain(error, "--debug" in arguments)
    return ended if isinstance(ended, int) else OK


def _explain(error: Exception, debug: bool) -> int:
    from gas.annotation.limits import InputRefused
    from gas.annotation.reference import BundleError

    if isinstance(error, InputRefused):
        click.echo(str(error), err=True)
        return REFUSED
    if debug:
        raise error
    if isinstance(error, BundleError):
        click.echo(str(error), err=True)
    elif isinstance(error, OSError) and error.strerror:
        # A full disk has no name.
        click.echo(f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}.", err=True)
    else:
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        click.echo(f"This is a fault of GAS, not of your file ({what}); --debug shows where it is.", err=True)
    return FAULT
