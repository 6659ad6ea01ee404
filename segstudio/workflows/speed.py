"""Measures photo-to-mask speed on a project's own images: decode, inference and write, overlapped."""

import tempfile
from dataclasses import replace
from pathlib import Path

from segstudio.errors import InputError
from segstudio.inference.backend import cpu_name
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import SpeedRecord
from segstudio.workflows.predict import MANY, predict_inputs

MOST_IMAGES = 40


def measure_project(
    project: Project,
    model: str,
    backend: str = "auto",
    context: JobContext | None = None,
    *,
    in_window: bool = False,
) -> SpeedRecord:
    """Predicts up to 40 images of a project into a folder that is thrown away, and times it.

    Raises:
        InputError: the project has no images.
    """
    samples = project.samples()
    if not samples:
        raise InputError(f"{project.root} has no images to measure on")
    step = max(1, len(samples) // MOST_IMAGES)
    chosen = samples[::step][:MOST_IMAGES]
    with tempfile.TemporaryDirectory() as folder:
        result = predict_inputs(
            [sample.image for sample in chosen],
            model,
            Path(folder),
            backend=backend,
            options=replace(MANY, in_window=in_window),
            context=context,
        )
    count = max(1, result.images)
    device = cpu_name() if result.device == "CPU" else result.device
    return SpeedRecord(
        model=model,
        backend=result.backend,
        device=device,
        width=chosen[0].width,
        height=chosen[0].height,
        images=result.images,
        fps=result.fps,
        p50=result.latency_ms["p50"],
        p95=result.latency_ms["p95"],
        p99=result.latency_ms["p99"],
        stages={name: round(seconds / count * 1000, 3) for name, seconds in result.stages.items()},
    )
