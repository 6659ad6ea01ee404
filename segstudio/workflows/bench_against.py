"""Times a model beside another way of running the same weights: in turns, on the same pictures."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from segstudio.annotation.palette import load_palette
from segstudio.errors import InputError
from segstudio.images import read_image, write_image, write_mask
from segstudio.inference.backend import AUTO, Options, cpu_name, open_backend
from segstudio.inference.catalog import find_model
from segstudio.inference.predictor import Predictor
from segstudio.jobs import JobContext
from segstudio.scenes.street import draw_scene
from segstudio.workflows.bench import require_memory
from segstudio.workflows.model_export import export_weights

Image = NDArray[np.uint8]
PEERS = ("hf", "ort")
LEAST_ROUNDS = 5
PICTURES = 4
PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True)
class AgainstRow:
    """One size: milliseconds from a photo file to a mask file, by side.

    Attributes:
        width, height: of the photos, in pixels.
        rounds: timed pictures of each side.
        ours_ms, theirs_ms: p50, p90, p95 and p99.
        ratio: their median over ours, above 1 where we are faster.
        equal: share of equal ids over all pictures.
    """

    width: int
    height: int
    rounds: int
    ours_ms: dict[str, float]
    theirs_ms: dict[str, float]
    ratio: float
    equal: float


@dataclass(frozen=True)
class AgainstResult:
    """A model beside a peer.

    Attributes:
        model, backend, device, threads: what ran where.
        peer: the other side.
        rows: one a size.
    """

    model: str
    backend: str
    device: str
    threads: int
    peer: str
    rows: tuple[AgainstRow, ...]

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return asdict(self)

    def lines(self) -> list[str]:
        """What a person reads: what ran where, then both sides, a line a row."""
        shown = [
            f"{self.model} on {self.backend}, {self.device}, {self.threads} threads, beside {self.peer};"
            " photo to mask, ms a picture"
        ]
        for row in self.rows:
            ours, theirs = (
                f"{side['p50']:.1f} (p95 {side['p95']:.1f})" for side in (row.ours_ms, row.theirs_ms)
            )
            shown.append(
                f"  {row.width}x{row.height}: ours {ours}, theirs {theirs}: {row.ratio:.2f}x;"
                f" {row.equal:.3%} of the ids are equal"
            )
        return shown


def bench_against(
    model: str,
    peer: str,
    *,
    backend: str = AUTO,
    sizes: Sequence[tuple[int, int]] = ((1024, 512),),
    seconds: float = 3.0,
    options: Options = Options(),  # noqa: B008 - frozen
    context: JobContext | None = None,
) -> AgainstResult:
    """Both sides take turns on drawn scenes, from the JPEG to the PNG; imports torch and transformers.

    Args:
        model: name or folder of a model with weights.
        peer: hf (transformers' pipeline) or ort (its plain export in ONNX Runtime).
        backend: see `open_backend`.
        sizes: (width, height) of the photos.
        seconds: how long each size is timed, at least; five rounds at least.
        options: how our side is to run; the other has the same threads.
        context: progress and cancellation.

    Raises:
        InputError: there is no such peer, or no memory for a size.
        ModelError: the model has no weights, or transformers no such network.
        BackendError: a side is not installed or refuses the model.
    """
    context = context or JobContext()
    if peer not in PEERS:
        raise InputError(f"there is no peer {peer!r}", hint=f"use one of: {', '.join(PEERS)}")
    from segstudio.deploy import peers

    folder, spec = find_model(model)
    for width, height in sizes:
        require_memory(spec, width, height, 1)
    colours = load_palette(spec.palette).colours()
    with tempfile.TemporaryDirectory() as scratch:
        room = Path(scratch)
        export_weights(folder, room / "theirs", "huggingface")
        other = peers.PEERS[peer](room / "theirs", spec, options.threads_here)
        runner = open_backend(folder, spec, backend, options)
        predictor = Predictor(runner, spec)

        def ours(photo: Path) -> Image:
            ids = predictor.predict(read_image(photo)).ids
            write_mask(room / "ours.png", ids, colours)
            return ids

        def theirs(photo: Path) -> Image:
            with Pillow.open(photo) as opened:
                ids = other.ids(np.array(opened.convert("RGB")))
            Pillow.fromarray(ids).save(room / "theirs.png")
            return ids

        try:
            rows = tuple(
                _row(_photos(room, width, height), (width, height), ours, theirs, seconds, context)
                for width, height in sizes
            )
        finally:
            runner.close()
    device = f"{runner.device} ({cpu_name()})" if runner.device == "CPU" else runner.device
    return AgainstResult(spec.name, runner.name, device, options.threads_here, other.name, rows)


def _photos(folder: Path, width: int, height: int) -> list[Path]:
    paths = [folder / f"{width}x{height}_{number}.jpg" for number in range(PICTURES)]
    for seed, path in enumerate(paths):
        write_image(path, draw_scene(seed, height, width).image)
    return paths


def _row(
    photos: Sequence[Path],
    size: tuple[int, int],
    ours: Callable[[Path], Image],
    theirs: Callable[[Path], Image],
    seconds: float,
    context: JobContext,
) -> AgainstRow:
    # The first pictures warm up, and show whether both answer alike.
    equal = float(np.mean([np.mean(ours(photo) == theirs(photo)) for photo in photos]))
    times: tuple[list[float], list[float]] = ([], [])
    began = time.perf_counter()
    while len(times[0]) < LEAST_ROUNDS or time.perf_counter() - began < seconds:
        context.check()
        photo = photos[len(times[0]) % len(photos)]
        for side, spent in zip((ours, theirs), times, strict=True):
            start = time.perf_counter()
            side(photo)
            spent.append(time.perf_counter() - start)
        context.progress(min(time.perf_counter() - began, seconds), seconds, f"{size[0]}x{size[1]}")
    figures = [np.percentile(np.array(side) * 1000, PERCENTILES) for side in times]
    named = [
        {f"p{p}": round(float(value), 3) for p, value in zip(PERCENTILES, side, strict=True)}
        for side in figures
    ]
    ratio = round(float(figures[1][0] / figures[0][0]), 3)
    return AgainstRow(*size, len(times[0]), named[0], named[1], ratio, round(equal, 6))
