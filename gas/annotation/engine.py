"""Annotates a file: one reader, any number of workers, one writer that appends their blocks in order.

The same input gives the same bytes whatever the number of workers: batches depend on the input alone, and each is
compressed on its own.
"""

import gc
import hashlib
import multiprocessing
import platform
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from gas.annotation import bgzf, csq, tabix
from gas.annotation.batches import Done, Wanted, Worker, replaced_info
from gas.annotation.header import VcfHeader
from gas.annotation.intake import Input, OutOfOrder, open_input
from gas.annotation.limits import Limits
from gas.annotation.lines import Lines
from gas.annotation.overlays import Overlays
from gas.annotation.receipt import Receipt, Tally
from gas.annotation.reference import Bundle
from gas.annotation.summary import Summary
from gas.annotation.tabix import Index
from gas.annotation.tables import TsvWriter
from gas.annotation.variant_table import ParquetWriter

Progress = Callable[[int, int | None], None]

# Batches handed out and not yet written, for each worker: enough that none waits, few enough to fit in memory.
_AHEAD = 3


@dataclass(frozen=True)
class Options:
    """What to annotate, with what, and where to write; None: not wanted. `input_name`: what the receipt calls it."""

    input: Path
    bundle: Bundle
    output: Path
    workers: int = 1
    tsv: Path | None = None
    parquet: Path | None = None
    summary: Path | None = None
    receipt: Path | None = None
    log: Path | None = None
    input_name: str = ""
    limits: Limits = field(default_factory=Limits)


def annotate(options: Options, progress: Progress | None = None) -> Receipt:
    """Annotate a file and write everything asked for; the outputs appear only when all of them are whole.

    `progress` is told after every batch: records done and, if known, about how many there are. Raises InputRefused
    for what is wrong with the input, and removes what it had written.
    """
    clock = _Clock()
    overlays = Overlays.open(options.bundle)
    with tempfile.TemporaryDirectory(prefix=".gas.", dir=options.output.parent) as scratch_name:
        scratch = Path(scratch_name)
        given = open_input(
            options.input, options.bundle, options.limits, scratch=scratch, replaced_info=replaced_info(overlays)
        )
        clock.lap("opening")
        while True:
            try:
                written = _write(options, given, overlays, scratch, progress)
                break
            except OutOfOrder:
                # The next round reads the records sorted.
                continue
        clock.lap("annotating")
        index = _index(scratch / "vcf", options.bundle, written.index)
        clock.lap("indexing")
        receipt = _receipt(options, given, written, clock.seconds)
        if options.summary:
            (scratch / "summary").write_text(written.summary.to_json(), encoding="utf-8")
        if options.receipt:
            (scratch / "receipt").write_text(receipt.to_json(), encoding="utf-8")
        if options.log:
            receipt.write_log(scratch / "log")
        _publish(options, scratch, index)
    return receipt


@dataclass
class _Written:
    sha256: str
    tally: Tally
    summary: Summary
    # None: left to htslib.
    index: Index | None = None


class _Clock:
    """Wall time by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = now - self._last
        self._last = now


def _write(options: Options, given: Input, overlays: Overlays, scratch: Path, progress: Progress | None) -> _Written:
    """Write the VCF and the tables into `scratch`."""
    wanted = Wanted(tsv=options.tsv is not None, parquet=options.parquet is not None)
    written = _Written("", Tally(), Summary())
    digest = hashlib.sha256()
    tsv: TsvWriter | None = None
    parquet: ParquetWriter | None = None
    index: Index | None = Index()
    worker = Worker(options.bundle, given.header, wanted)
    with (scratch / "vcf").open("wb") as vcf:

        def append(data: bytes) -> None:
            vcf.write(data)
            digest.update(data)

        append(bgzf.compress(_header_text(options.bundle, given, overlays)))
        if options.tsv:
            tsv = TsvWriter(scratch / "tsv", worker.table)
        if options.parquet:
            parquet = ParquetWriter(scratch / "parquet", worker.layout, _about(options.bundle))
        for done in _results(worker, options, given, wanted):
            if index and done.index is not None:
                index.add(done.index, vcf.tell())
            else:
                index = None
            if parquet and done.parquet is not None:
                parquet.write(done.parquet, vcf.tell())
            append(done.vcf)
            if tsv:
                tsv.write(done.tsv)
            written.tally.add(done.tally)
            written.summary.add(done.summary)
            if progress:
                progress(written.tally.read, given.total_hint)
        append(bgzf.END_OF_FILE)
    if tsv:
        tsv.close()
    if parquet:
        parquet.close()
    written.sha256 = digest.hexdigest()
    written.index = index
    return written


def _results(worker: Worker, options: Options, given: Input, wanted: Wanted) -> Iterator[Done]:
    """The finished batches, in the input's order."""
    batches = given.batches()
    if options.workers <= 1 or (given.total_hint is not None and given.total_hint <= _SMALL):
        yield from map(worker.annotate, batches)
        return
    # Forked, the workers share the bundle's memory and start in milliseconds.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(
        options.workers, mp_context=context, initializer=_start_worker, initargs=(options.bundle, given.header, wanted)
    ) as pool:
        waiting: deque[Future[Done]] = deque()
        try:
            for batch in batches:
                waiting.append(pool.submit(_work, batch))
                if len(waiting) >= _AHEAD * options.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


# Not worth a second process.
_SMALL = 8000
_worker: Worker | None = None


def _start_worker(bundle: Bundle, header: VcfHeader, wanted: Wanted) -> None:
    global _worker
    collect_rarely()
    _worker = Worker(bundle, header, wanted)


def collect_rarely() -> None:
    """Set Python's garbage collector for a process that only annotates.

    What it would look at again and again are templates and transcripts, which stay; a tenth of the time goes there.
    """
    gc.freeze()
    gc.set_threshold(1_000_000, 50, 100)


def _work(batch: Lines) -> Done:
    assert _worker is not None
    return _worker.annotate(batch)


def _header_text(bundle: Bundle, given: Input, overlays: Overlays) -> bytes:
    kept = [line for line in given.header.meta if not line.startswith("##GAS=")]
    lines = [
        *kept,
        csq.HEADER,
        *overlays.header_lines(),
        *_own_lines(bundle),
        _input_line(given),
        given.header.columns,
        "",
    ]
    return "\n".join(lines).encode("latin-1", "replace")


def _own_lines(bundle: Bundle) -> Iterator[str]:
    """What made this file. No dates: the same input gives the same bytes."""
    yield f'##GAS=<ID=software,Version="{version("gas-genomics")}">'
    yield f'##GAS=<ID=bundle,Name="{bundle.name}",Assembly="{_quotable(bundle.assembly)}">'
    for number, source in enumerate(bundle.manifest["sources"], 1):
        words = {"Name": source["name"], "File": source["file"], "Version": source["version"]}
        stated = "".join(f',{key}="{_quotable(word)}"' for key, word in words.items() if word)
        yield f'##GAS=<ID=source{number}{stated},SHA256="{source["sha256"]}">'


def _input_line(given: Input) -> str:
    """What is known of the input before its records are read; the rest is in the receipt."""
    samples = len(given.header.samples)
    return f'##GAS=<ID=input,Format="{given.format}",Samples="{samples}",Notes="{_quotable(" ".join(given.notes))}">'


def _quotable(text: str) -> str:
    return "".join(c if c.isprintable() and c not in '"\\' else "_" for c in text).encode("utf-8").decode("latin-1")


def _about(bundle: Bundle) -> dict[str, str]:
    return {"gas.version": version("gas-genomics"), "gas.bundle": bundle.name, "gas.assembly": bundle.assembly}


def _index(vcf: Path, bundle: Bundle, made: Index | None) -> Path:
    """Write the index of the finished VCF; returns its path, whose suffix says which kind it is."""
    csi = any(contig.length > tabix.LARGEST for contig in bundle.contigs.values())
    path = Path(f"{vcf}.csi" if csi else f"{vcf}.tbi")
    if made and not csi:
        made.write(path)
    else:
        import pysam

        pysam.tabix_index(str(vcf), preset="vcf", force=True, keep_original=True, csi=csi)
    return path


def _receipt(options: Options, given: Input, written: _Written, seconds: dict[str, float]) -> Receipt:
    bundle = options.bundle
    return Receipt(
        input_name=options.input_name or options.input.name,
        input_format=given.format,
        input_sha256=given.sha256,
        result_sha256=written.sha256,
        bundle=bundle.name,
        assembly=bundle.assembly,
        sources=bundle.manifest["sources"],
        software={
            "gas": version("gas-genomics"),
            "python": platform.python_version(),
            "pysam": version("pysam"),
        },
        tally=written.tally,
        summary=written.summary,
        notes=given.notes,
        seconds=seconds,
    )


def _publish(options: Options, scratch: Path, index: Path) -> None:
    """Move everything to where it was asked for; what lies in another file system is copied."""
    wanted: list[tuple[Path | None, Path]] = [
        (Path(f"{options.output}{index.suffix}"), index),
        (options.tsv, scratch / "tsv"),
        (options.parquet, scratch / "parquet"),
        (options.summary, scratch / "summary"),
        (options.receipt, scratch / "receipt"),
        (options.log, scratch / "log"),
        (options.output, scratch / "vcf"),
    ]
    for target, made in wanted:
        if target is not None:
            shutil.move(made, target)
