"""Predicts folders, files and video: decoding, inference and writing overlap; finished outputs are kept."""

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import InputError
from segstudio.images import (
    atomic_write,
    mask_bytes,
    write_image,
    write_mask,
)
from segstudio.inference.backend import AUTO, Options, open_backend
from segstudio.inference.catalog import find_model
from segstudio.inference.prediction import Prediction
from segstudio.inference.predictor import Predictor, Window
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import JobContext
from segstudio.workflows.inputs import WHOLE_VIDEO, Source, VideoPart, list_sources
from segstudio.workflows.model_palette import palette_of_model
from segstudio.workflows.overlay_video import blended, write_overlay_videos
from segstudio.workflows.pipeline import Skipped, Stopwatch, Write, run_pipeline

PICTURES = ("ids", "color", "overlay", "confidence")
# What only the scores can tell.
OF_SCORES = ("second", "margin")
# Made of all frames of a video.
VIDEO = "video"
SAVES = (*PICTURES, *OF_SCORES, VIDEO)
MANIFEST = "predict.json"
MANY = Options(purpose="throughput")
GREY = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)


@dataclass(frozen=True)
class PredictResult:
    """Outcome of a prediction: milliseconds are per image, from its decoding to its written files."""

    images: int
    resumed: int
    seconds: float
    fps: float
    latency_ms: dict[str, float]
    stages: dict[str, float]
    skipped: tuple[Skipped, ...]
    backend: str
    device: str
    out: str


def predict_inputs(
    inputs: Sequence[Path],
    model: str | Path,
    out: Path,
    *,
    backend: str = AUTO,
    window: Window = "whole",
    tta: bool = False,
    scales: Sequence[float] = (1.0,),
    save: Sequence[str] = ("ids",),
    part: VideoPart = WHOLE_VIDEO,
    options: Options = MANY,
    context: JobContext | None = None,
) -> PredictResult:
    """Predicts every image and video frame of the inputs into `out`, with the inputs' folders and names.

    Outputs that are there already, made by the same model and newer than their input, are kept.

    Raises:
        InputError: nothing to predict, an unknown kind of output, or an output folder that cannot be written.
        ModelError, BackendError: the model cannot be run.
    """
    context = context or JobContext()
    kinds = _written_kinds(save)
    folder, spec = find_model(model)
    colours = palette_of_model(spec).colours()
    sources = _apart(list(list_sources(inputs, part)), inputs, out, kinds)
    if not sources:
        raise InputError(f"no images in {', '.join(map(str, inputs))}", hint="give images, videos or folders")
    identity = _identity(spec, window, scales, options, tta=tta)
    same = is_same_manifest(out, identity)

    def paths_of(source: Source) -> list[Path]:
        return [output_path(out, source, kind) for kind in kinds]

    todo = [source for source in sources if not (same and is_finished(source, paths_of(source)))]
    opened = open_backend(folder, spec, backend, options)
    watch, began = Stopwatch(), time.perf_counter()
    try:
        runner_up = any(kind in OF_SCORES for kind in kinds)
        predictor = Predictor(opened, spec, window, tta=tta, scales=scales, runner_up=runner_up)
        # Only now: a model that cannot be run must not make what is there look like another's.
        atomic_write(out / MANIFEST, json.dumps(identity, indent=2).encode())
        done, skipped = run_pipeline(
            todo, predictor.predict, _writer(colours, out, kinds), watch, context, opened.lanes
        )
    finally:
        opened.close()
    seconds = time.perf_counter() - began if todo else 0.0
    if VIDEO in save:
        write_overlay_videos(sources, out, colours, part.every, context, renew=bool(done))
    return PredictResult(
        images=done,
        resumed=len(sources) - len(todo),
        seconds=round(seconds, 4),
        fps=round(done / seconds, 3) if seconds and done else 0.0,
        latency_ms=watch.latency_ms(),
        stages=watch.totals(),
        skipped=tuple(skipped),
        backend=opened.name,
        device=opened.device,
        out=str(out),
    )


def _written_kinds(save: Sequence[str]) -> list[str]:
    """The files of an image for what is to be saved: a video is made of the ids.

    Raises:
        InputError: an unknown kind.
    """
    for kind in save:
        if kind not in SAVES:
            raise InputError(f"cannot save {kind!r}", hint=f"use: {', '.join(SAVES)}")
    return list(dict.fromkeys("ids" if kind == VIDEO else kind for kind in save))


def _identity(
    spec: ModelSpec, window: Window, scales: Sequence[float], options: Options, *, tta: bool
) -> dict[str, object]:
    """What decides the predictions: as long as it is the same, finished ones are kept."""
    identity: dict[str, object] = {
        "weights": spec.weights_sha256,
        "window": window,
        "tta": tta,
        "name": spec.name,
    }
    if options.precision != MANY.precision:
        identity["precision"] = options.precision
    if list(scales) != [1.0]:
        identity["scales"] = list(scales)
    return identity


def _apart(sources: list[Source], inputs: Sequence[Path], out: Path, save: Sequence[str]) -> list[Source]:
    """The sources that are no outputs of an earlier run below `out`.

    Raises:
        InputError: an output would overwrite a file that is no prediction.
    """
    real = cache(os.path.realpath)
    root = Path(real(out))
    folders = [Path(real(entry)) for entry in inputs if entry.is_dir()]
    if root in folders:
        raise InputError(
            f"predictions in {out} would overwrite or mix with its images",
            hint="give another folder to --out",
        )
    if any(root.is_relative_to(folder) for folder in folders):
        sources = [source for source in sources if not Path(real(source.path.parent)).is_relative_to(root)]
    originals = {Path(real(source.path.parent), source.path.name) for source in sources}
    is_ours = (out / MANIFEST).exists()
    for source in sources:
        for kind in save:
            path = output_path(root, source, kind)
            if path in originals or (not is_ours and path.exists()):
                raise InputError(f"a prediction would overwrite {path}", hint="give another folder to --out")
    return sources


def output_path(out: Path, source: Source, kind: str) -> Path:
    """Where one kind of output of a source goes: ids directly, others in a folder of their own."""
    if kind == "ids":
        return out / f"{source.name}.png"
    return out / kind / f"{source.name}.{'jpg' if kind == 'overlay' else 'png'}"


def is_same_manifest(out: Path, identity: dict[str, object]) -> bool:
    """Whether the predictions in a folder were made by the same model in the same way."""
    with suppress(OSError, ValueError):
        return bool(json.loads((out / MANIFEST).read_text(encoding="utf-8")) == identity)
    return False


def is_finished(source: Source, outputs: Sequence[Path]) -> bool:
    """Whether all of a source's outputs are there and no older than it."""
    try:
        changed = source.path.stat().st_mtime
        return all(path.stat().st_mtime >= changed for path in outputs)
    except OSError:
        return False


def _writer(colours: NDArray[np.uint8], out: Path, save: Sequence[str]) -> Write:
    def write(source: Source, image: NDArray[np.uint8], prediction: Prediction) -> None:
        for kind in save:
            path = output_path(out, source, kind)
            if kind == "ids":
                write_mask(path, prediction.ids, colours)
            elif kind == "color":
                write_image(path, colours[prediction.ids])
            elif kind == "overlay":
                write_image(path, blended(image, colours[prediction.ids]))
            elif kind == "second":
                assert prediction.second is not None
                write_mask(path, prediction.second, colours)
            else:
                degrees = prediction.confidence if kind == "confidence" else prediction.margin
                assert degrees is not None
                atomic_write(path, mask_bytes(degrees, GREY))

    return write
