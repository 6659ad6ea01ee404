"""Writes a bench as a page: figures, plots over size and batch, stages, earlier runs here, cards apart."""

from collections.abc import Sequence
from pathlib import Path

from segstudio.errors import InputError
from segstudio.images import atomic_write
from segstudio.workflows.bench import PERCENTILES, BenchRow
from segstudio.workflows.bench_history import NOT_FOR_RANKING, BenchRecord, History, cards_for
from segstudio.workflows.page import facts, page, paragraph, section, table
from segstudio.workflows.svg_plots import LinePlot, Series, line_plot, share_bars

FILE = "bench.html"
SHOWN = tuple(f"p{number}" for number in PERCENTILES)
PER_SECOND, PER_CALL = "images a second", "ms a call"
LEAST_RUNS_SHOWN = 2
MOST_RUNS_SHOWN = 30


def write_report(folder: Path, record: BenchRecord, history: History) -> Path:
    """Writes bench.html to a folder, which is made, and gives its path.

    Args:
        folder: where to.
        record: what was just measured.
        history: earlier records of the same model.

    Raises:
        InputError: the folder is a file.
        ImageError: it cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file", hint="give a folder with --report")
    path = folder / FILE
    atomic_write(path, bench_page(record, history).encode())
    return path


def bench_page(record: BenchRecord, history: History) -> str:
    """The page as HTML."""
    result = record.result
    sections = [section("What ran", _facts(record)), section("Figures", *_figures(result.rows))]
    if result.warning:
        sections.insert(
            1, section("Mistrust", paragraph(f"{result.warning[0].upper()}{result.warning[1:]}."))
        )
    plots = [*throughput_plots(result.rows), *latency_plots(result.rows)]
    sections.append(section("Throughput and latency", *map(line_plot, plots)))
    shares = {_named(row): row.stages for row in result.rows if row.stages}
    told = share_bars("Share of the time of the model's nodes", shares) if shares else paragraph(
        f"{result.backend} on {result.device} does not tell where its time goes."
    )  # fmt: skip
    sections.append(section("Where the time goes", told))
    sections += _earlier(record, history)
    sections += _cards(result.architecture)
    return page(f"Speed of {result.model}", sections)


def throughput_plots(rows: Sequence[BenchRow]) -> list[LinePlot]:
    """Images a second over the batch, with a line a size, and over the size, with a line a batch."""
    sizes, batches, found = _swept(rows)
    plots = []
    if len(batches) > 1:
        lines = tuple(Series(size, tuple(_fps(found.get((size, one))) for one in batches)) for size in sizes)
        names = tuple(str(batch) for batch in batches)
        plots.append(LinePlot("Throughput over batch", "images a call", PER_SECOND, names, lines))
    if len(sizes) > 1:
        lines = tuple(
            Series(f"batch {batch}", tuple(_fps(found.get((size, batch))) for size in sizes))
            for batch in batches
        )
        plots.append(LinePlot("Throughput over size", "size of the images", PER_SECOND, tuple(sizes), lines))
    return plots


def latency_plots(rows: Sequence[BenchRow]) -> list[LinePlot]:
    """Percentiles of a call's milliseconds: over batches, over sizes, or on their own for a single row."""
    sizes, batches, found = _swept(rows)
    if len(batches) > 1:
        names = tuple(str(batch) for batch in batches)
        return [
            _percentiles(size, "images a call", names, [found.get((size, batch)) for batch in batches])
            for size in sizes
        ]
    if len(sizes) > 1:
        over_sizes = [found.get((size, batches[0])) for size in sizes]
        return [_percentiles(f"batch {batches[0]}", "size of the images", tuple(sizes), over_sizes)]
    return [
        LinePlot(
            "Latency", "percentile of the calls", PER_CALL, SHOWN,
            (Series(_named(row), tuple(row.latency_ms[name] for name in SHOWN)),),
        )
        for row in rows
    ]  # fmt: skip


def _percentiles(of: str, across: str, names: tuple[str, ...], rows: Sequence[BenchRow | None]) -> LinePlot:
    lines = tuple(
        Series(name, tuple(row.latency_ms[name] if row else None for row in rows)) for name in SHOWN
    )
    return LinePlot(f"Latency, {of}", across, PER_CALL, names, lines)


Found = dict[tuple[str, int], BenchRow]


def _swept(rows: Sequence[BenchRow]) -> tuple[list[str], list[int], Found]:
    """Sizes by their pixels, batches by their number, and the row of each pair."""
    pixels = {_size(row): row.width * row.height for row in rows}
    batches = sorted({row.batch for row in rows})
    return sorted(pixels, key=lambda name: pixels[name]), batches, {(_size(r), r.batch): r for r in rows}


def _size(row: BenchRow) -> str:
    return f"{row.width}×{row.height}"


def _named(row: BenchRow) -> str:
    return f"{_size(row)}, batch {row.batch}"


def _fps(row: BenchRow | None) -> float | None:
    return row.fps if row else None


def _facts(record: BenchRecord) -> str:
    result = record.result
    weights = f", weights {result.weights_sha256[:12]}" if result.weights_sha256 else ""
    return facts(
        {
            "Model": f"{result.model} ({result.architecture}{weights})",
            "Backend": f"{result.backend} {result.backend_version}".strip(),
            "Device": result.device,
            "Precision": result.precision,
            "Calls": f"{result.lanes} at a time, {result.threads} threads, for {result.purpose}",
            "Machine": record.machine,
            "Time": record.when,
            "Protocol": "pixels in memory to ids and confidence in memory; warm-up, then ten calls and the "
            "time asked for at least; percentiles of single calls, throughput by the wall clock",
        }
    )


def _figures(rows: Sequence[BenchRow]) -> list[str]:
    head = ("Size", "Batch", "Images/s", *(f"{name} ms" for name in SHOWN), "Mean ms", "Varied by", "Calls")
    shown = [
        (
            _size(row),
            str(row.batch),
            f"{row.fps:.2f}",
            *(f"{row.latency_ms[name]:.2f}" for name in (*SHOWN, "mean")),
            f"{row.variation:.1%}",
            str(row.runs),
        )
        for row in rows
    ]
    return [table(head, shown, numbers=range(1, len(head)))]


def _earlier(record: BenchRecord, history: History) -> list[str]:
    """Runs of this machine with the same backend and precision, oldest to the left."""
    now = record.result
    alike = [
        one
        for one in reversed(history.by_machine().get(record.machine, []))
        if (one.result.backend, one.result.precision, one.result.purpose)
        == (now.backend, now.precision, now.purpose)
    ][-MOST_RUNS_SHOWN:]
    if len(alike) < LEAST_RUNS_SHOWN:
        return []
    days = [one.when[:16].replace("T", " ") for one in alike]
    rows_by_run = [{_named(row): row.fps for row in one.result.rows} for one in alike]
    lines = tuple(
        Series(_named(row), tuple(rows.get(_named(row)) for rows in rows_by_run)) for row in now.rows
    )
    plot = LinePlot("Images a second, run by run", "time of the run (UTC)", PER_SECOND, tuple(days), lines)
    head = ("Time (UTC)", "Version", "Weights", "Size", "Batch", "Images/s", "p50 ms", "p99 ms")
    table_rows = [
        (
            day, one.result.backend_version, one.result.weights_sha256[:8] or "–", _size(row), str(row.batch),
            f"{row.fps:.2f}", f"{row.latency_ms['p50']:.2f}", f"{row.latency_ms['p99']:.2f}",
        )
        for day, one in zip(days, alike, strict=True)
        for row in one.result.rows
    ]  # fmt: skip
    return [
        section("Runs on this machine", line_plot(plot), table(head, table_rows, numbers=range(4, len(head))))
    ]


def _cards(architecture: str) -> list[str]:
    rows = cards_for(architecture)
    parts = []
    for name, source, protocol in dict.fromkeys((row.name, row.source, row.protocol) for row in rows):
        of_card = [row for row in rows if row.name == name]
        parts.append(paragraph(f"{source}, {name}: {protocol}; {NOT_FOR_RANKING}."))
        shown = [(row.platform, str(row.batch), f"{row.fps:g}") for row in of_card]
        parts.append(table(("Platform", "Batch", "Images/s"), shown, numbers=(1, 2)))
    return [section("Published by model cards", *parts)] if parts else []
