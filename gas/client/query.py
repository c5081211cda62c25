"""`gas query`: the variants of a result that matter, in the terminal or as a file of all of them."""

import sys
from pathlib import Path
from typing import Any

import click
import requests

from gas.client.commands import for_deployment, tell
from gas.client.completion import job_ids
from gas.client.session import ClientError, Session

# Fields of the filter that may be given several times.
_SEVERAL = ("gene", "region", "consequence", "impact", "clinvar", "gt")
WIDEST_CELL = 40
CHUNK = 1 << 16
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("job_id", shell_complete=job_ids(("COMPLETED",)))
@click.option("--gene", multiple=True, help="Symbol or id, on any transcript.")
@click.option("--region", multiple=True, help="CHROM, CHROM:POS or CHROM:START-END.")
@click.option("--consequence", multiple=True, help="Sequence Ontology term, such as stop_gained.")
@click.option("--impact", multiple=True, help="HIGH, MODERATE, LOW or MODIFIER.")
@click.option("--clinvar", multiple=True, help="pathogenic, likely_pathogenic, uncertain, …")
@click.option("--max-af", type=float, help="Highest frequency in any database; unknown counts as 0.")
@click.option("--min-af", type=float, help="Lowest frequency.")
@click.option("--min-qual", type=float, help="Lowest QUAL.")
@click.option("--passed", is_flag=True, help="Only what passed all filters.")
@click.option("--gt", multiple=True, metavar="SAMPLE:KIND", help="What a sample must have: het, hom, carrier, …")
@click.option("--text", help="A part of an HGVS name, or an rs number.")
@click.option("--sort", help="Column to sort by; the order of the genome unless given.")
@click.option("--desc", is_flag=True, help="Sort downwards.")
@click.option("--columns", help="Columns, separated by commas.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="Rows to show.")
@click.option("-o", "--output", type=_FILE, help="Write all rows to a file: .tsv, .vcf.gz or .parquet.")
@for_deployment
def query(
    session: Session,
    as_json: bool,
    job_id: str,
    sort: str | None,
    desc: bool,
    limit: int,
    output: Path | None,
    **given: Any,
) -> None:
    """Show the variants of a job's result that pass every filter given, and how many there are.

    Several values of one filter mean any of them. -o writes all of them, however many there are.
    """
    params = _params(given)
    if output:
        _export(session, as_json, job_id, params, output)
        return
    params += [("limit", str(limit)), ("order", "desc" if desc else "asc"), *([("sort", sort)] if sort else [])]
    page = session.call("GET", f"/jobs/{job_id}/variants", params=params)
    tell(as_json, page, _table(page))


def _params(given: dict[str, Any]) -> list[tuple[str, str]]:
    found = [(name, value) for name in _SEVERAL for value in given.pop(name)]
    if given.pop("passed"):
        found.append(("passed", "1"))
    return found + [(name, str(value)) for name, value in given.items() if value is not None]


def _export(session: Session, as_json: bool, job_id: str, params: list[tuple[str, str]], output: Path) -> None:
    kinds = {".tsv": "tsv", ".vcf.gz": "vcf", ".parquet": "parquet"}
    kind = next((kind for suffix, kind in kinds.items() if output.name.endswith(suffix)), None)
    if kind is None:
        raise click.BadParameter(f"{output}: the name's end says the format: {', '.join(kinds)}.", param_hint="-o")
    part = output.with_name(f"{output.name}.part")
    try:
        answer = session.send("GET", f"/jobs/{job_id}/variants/export/{kind}", params=params, stream=True)
        with answer, part.open("wb") as file:
            for chunk in answer.iter_content(CHUNK):
                file.write(chunk)
    except requests.RequestException as error:
        part.unlink(missing_ok=True)
        raise ClientError(f"The export was cut off ({error}). Run the command again.") from error
    part.replace(output)
    tell(as_json, {"file": str(output), "size": output.stat().st_size}, str(output))


def _table(page: dict[str, Any]) -> str:
    columns = list(dict.fromkeys(["CHROM", "POS", "REF", "ALT", *page["columns"]]))
    cells = [columns, *([_cell(row.get(name)) for name in columns] for row in page["rows"])]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    # A terminal gets columns, a pipe gets tabs.
    if sys.stdout.isatty():
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
        ]
    else:
        lines = ["\t".join(row) for row in cells]
    click.echo(f"{page['total']:,} variants pass; {len(page['rows']):,} are shown.", err=True)
    return "\n".join(lines)


def _cell(value: Any) -> str:
    text = "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    text = "".join(c if c.isprintable() else "�" for c in text)
    return text if len(text) <= WIDEST_CELL or not sys.stdout.isatty() else f"{text[: WIDEST_CELL - 1]}…"
