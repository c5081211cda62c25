"""The explorer on a large result: `.venv/bin/python -m scripts.bench.explorer [--rows 5000000]`.

Makes a result of that size, puts it into the AWS stand-in, starts the real site and asks it for pages over HTTP as a
program does. Prints, for a first page, filters, sorts and exports, the first answer, the median and the 95th
percentile, and the most memory that a web process held. The figures wanted: p95 below 1 s, memory below 500 MB.
"""

import os
import re
import tempfile
import time
import uuid
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
from requests.cookies import RequestsCookieJar

from gas import aws, config
from gas.annotation.csq import FIELDS
from gas.annotation.variant_table import OFFSET, ParquetWriter, TableLayout
from gas.job import Job, Outcome
from gas.jobs import JobStore
from gas.storage import Storage, input_key, result_key
from scripts.local import loopback
from scripts.local.site import Visitor
from scripts.local.stack import Stack

BATCH = 100_000
CHROMOSOMES = [f"chr{name}" for name in (*range(1, 23), "X")]
TERMS = {
    "intron_variant": ("MODIFIER", 0.52),
    "intergenic_variant": ("MODIFIER", 0.33),
    "upstream_gene_variant": ("MODIFIER", 0.08),
    "3_prime_UTR_variant": ("MODIFIER", 0.06),
    "synonymous_variant": ("LOW", 0.004),
    "missense_variant": ("MODERATE", 0.005),
    "stop_gained": ("HIGH", 0.0005),
    "splice_donor_variant": ("HIGH", 0.0005),
}
CLASSES = ["Benign", "Likely_benign", "Uncertain_significance", "Likely_pathogenic", "Pathogenic"]
OVERLAYS = (
    ("CLINVAR_CLNSIG", "String"),
    ("DBSNP_ID", "String"),
    ("GNOMADE_AF", "Float"),
    ("GNOMADG_AF", "Float"),
    ("GNOMADG_AF_grpmax", "Float"),
)
QUESTIONS = {
    "first page": [""],
    "a filter": [
        "impact=HIGH",
        "gene=GENE1200",
        "region=chr7:20000000-30000000",
        "max_af=0.01",
        "clinvar=pathogenic",
        "consequence=missense_variant",
        "gt=child:hom",
        "min_qual=900",
    ],
    "several filters": [
        "impact=HIGH&max_af=0.01&clinvar=pathogenic&clinvar=likely_pathogenic",
        "impact=HIGH&gt=child:het",
    ],
    "a sort": [
        f"sort={name}&order={order}" for name in ("QUAL", "GNOMADG_AF", "POS", "SYMBOL") for order in ("asc", "desc")
    ],
    "a sort by long texts": ["sort=HGVSc", "sort=DBSNP_ID&order=desc"],
    "a search in the texts": ["text=c.12345", "text=rs123456"],
}


@click.command()
@click.option("--rows", default=5_000_000, show_default=True)
@click.option("--rounds", default=5, show_default=True, help="Times that each question is asked.")
def main(rows: int, rounds: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="gas-bench-") as name:
        folder = Path(name)
        table = folder / "variants.parquet"
        begun = time.perf_counter()
        make(table, rows)
        print(f"{rows:,} variants, {table.stat().st_size / 1e6:.0f} MB, made in {time.perf_counter() - begun:.0f} s")
        settings = {"GAS_WEB_WORKERS": "1", "GAS_FREE_WINDOW": "86400"}
        with Stack(folder / "stack", settings, ("web",)) as stack:
            visitor = Visitor(stack.url)
            visitor.sign_in("ada@example.org")
            job_id = put(stack, table)
            ask(stack, job_id, visitor.cookies, rounds)


def make(path: Path, rows: int) -> None:
    """Write a table with the real columns and values that are as many and as long as a genome's."""
    rng = np.random.default_rng(1)
    layout = TableLayout(FIELDS, OVERLAYS, ("child",))
    writer = ParquetWriter(path, layout, {"gas.bundle": "bench", "gas.assembly": "GRCh38"})
    per_chromosome = np.sort(rng.integers(0, len(CHROMOSOMES), rows))
    done = 0
    while done < rows:
        count = min(BATCH, rows - done)
        batch = columns(rng, layout, per_chromosome[done : done + count], done, rows)
        writer.write(batch.serialize().to_pybytes(), 0)
        done += count
    writer.close()


def columns(
    rng: np.random.Generator, layout: TableLayout, chromosomes: np.ndarray, first: int, rows: int
) -> pa.RecordBatch:
    """One batch."""
    count = len(chromosomes)
    numbers = np.arange(first, first + count)
    positions = np.sort(rng.integers(1, 1000, count)) + (numbers % (rows // len(CHROMOSOMES) + 1)) * 600
    genes = numbers * 20_000 // rows
    names = list(TERMS)
    term = rng.choice(len(names), count, p=[share / 1.0 for _, share in TERMS.values()])
    bases = rng.integers(0, 4, (2, count))
    bases[1] = (bases[0] + 1 + bases[1] % 3) % 4
    impacts = [TERMS[name][0] for name in names]
    alleles = ["ACGT"[base] for base in bases[1]]
    exonic = term >= 4
    rare = rng.beta(0.2, 3, count)
    values: dict[str, object] = {
        "CHROM": [CHROMOSOMES[one] for one in chromosomes],
        "POS": positions,
        "REF": ["ACGT"[base] for base in bases[0]],
        "ALT": alleles,
        "QUAL": np.round(rng.gamma(3, 100, count), 2),
        "FILTER": ["PASS" if passed else "LowQual" for passed in rng.random(count) < 0.9],
        "MOST_SEVERE": [names[one] for one in term],
        "MOST_SEVERE_IMPACT": [impacts[one] for one in term],
        "GENES": [f"GENE{gene},ENSG{gene:011d}" for gene in genes],
        "Consequence": [names[one] for one in term],
        "IMPACT": [impacts[one] for one in term],
        "SYMBOL": [f"GENE{gene}" for gene in genes],
        "Gene": [f"ENSG{gene:011d}" for gene in genes],
        "Feature": [f"ENST{gene:011d}" for gene in genes],
        "Allele": alleles,
        "HGVSc": [f"ENST{gene:011d}.4:c.{place}+12A>G" for gene, place in zip(genes, positions, strict=True)],
        "HGVSp": [f"ENSP1.3:p.Arg{place}Cys" if e else None for place, e in zip(positions, exonic, strict=True)],
        "CLINVAR_CLNSIG": [
            CLASSES[one] if known else None
            for one, known in zip(rng.integers(0, 5, count), rng.random(count) < 0.02, strict=True)
        ],
        "DBSNP_ID": [f"rs{one}" if one % 7 else None for one in rng.integers(1, 2_000_000_000, count)],
        "GNOMADE_AF": pa.array(rare, mask=~exonic),
        "GNOMADG_AF": pa.array(np.round(rare, 6), mask=rng.random(count) < 0.15),
        "GNOMADG_AF_grpmax": pa.array(np.round(np.minimum(rare * 1.4, 1), 6), mask=rng.random(count) < 0.15),
        "GT_1": [("het", "hom", "ref")[one] for one in rng.integers(0, 3, count)],
        OFFSET: numbers * 3000,
    }
    schema = layout.schema()
    return pa.RecordBatch.from_arrays(
        [
            values[field.name].cast(field.type)
            if isinstance(values.get(field.name), pa.Array)
            else pa.array(values.get(field.name, [None] * count), field.type)
            for field in schema
        ],
        schema=schema,
    )


def put(stack: Stack, table: Path) -> str:
    """A finished job of the signed-in user with this table; returns its id."""
    os.environ.update(stack.env)
    settings = config.load()
    jobs = JobStore.of(settings)
    storage = Storage(aws.client(settings, "s3"), settings.inputs_bucket, settings.results_bucket)
    user_id = str(aws.table(settings, "users").scan()["Items"][0]["user_id"])
    job_id = str(uuid.uuid4())
    key = result_key(user_id, job_id, 1, table.name)
    storage.upload(table, settings.results_bucket, key, "application/vnd.apache.parquet")
    source = input_key(user_id, job_id)
    jobs.create(Job(job_id, user_id, "", "genome.vcf.gz", settings.inputs_bucket, source, jobs.now()))
    waiting = jobs.get(job_id)
    assert waiting is not None
    keys = {name: key for name in Outcome.__dataclass_fields__ if name.startswith("s3_key")}
    counts = {name: 0 for name in Outcome.__dataclass_fields__ if name.startswith(("records", "result"))}
    jobs.complete(jobs.claim(waiting, "bench"), Outcome(s3_results_bucket=settings.results_bucket, **keys, **counts))
    return job_id


def ask(stack: Stack, job_id: str, cookies: RequestsCookieJar, rounds: int) -> None:
    """Ask every question and print the seconds that the answers took."""
    session = loopback.session()
    session.cookies = cookies
    print(f"{'':24}{'first':>8}{'median':>8}{'p95':>8}  seconds")
    for name, queries in QUESTIONS.items():
        first, later = [], []
        for query in queries:
            for number in range(rounds + 1):
                address = f"{stack.url}/annotations/{job_id}/variants?{query}"
                begun = time.perf_counter()
                answer = session.get(address, headers={"Accept": "application/json"}, timeout=120)
                seconds = time.perf_counter() - begun
                answer.raise_for_status()
                (later if number else first).append(seconds)
        p95 = float(np.quantile(later, 0.95))
        print(f"{name:24}{max(first):8.2f}{float(np.median(later)):8.2f}{p95:8.2f}", flush=True)
    for kind in ("tsv", "parquet"):
        begun = time.perf_counter()
        with session.get(
            f"{stack.url}/annotations/{job_id}/variants/export/{kind}", stream=True, timeout=600
        ) as answer:
            size = sum(len(piece) for piece in answer.iter_content(1 << 20))
        print(f"all rows as {kind}: {size / 1e6:.0f} MB in {time.perf_counter() - begun:.0f} s")
    print(f"most memory of a web process: {most_memory(stack):.0f} MB")


def most_memory(stack: Stack) -> float:
    """The largest resident size, in MB, that one of the site's processes has had."""
    (server,) = [process.pid for process in stack.supervisor.processes() if process.group == "web"]
    family = {server}
    for status in Path("/proc").glob("[0-9]*/status"):
        fields = dict(line.partition(":\t")[::2] for line in status.read_text().splitlines())
        if int(fields["PPid"]) in family:
            family.add(int(fields["Pid"]))
    peaks = []
    for pid in family:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        peaks.append(int(found[1]) / 1000 if found else 0.0)
    return max(peaks)


if __name__ == "__main__":
    main()
