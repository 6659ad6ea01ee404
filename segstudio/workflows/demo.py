"""Makes the demo project: drawn street frames with predictions, some wrong masks, scores and a run."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio import paths
from segstudio.annotation.regions import regions_of_class
from segstudio.errors import ModelError
from segstudio.images import read_image, write_image
from segstudio.inference.backend import open_backend
from segstudio.inference.catalog import find_model
from segstudio.inference.predictor import Predictor
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.scenes.street import Scene, draw_scene
from segstudio.workflows.evaluate import class_lookup
from segstudio.workflows.evaluate_project import evaluate_project, fingerprint_of
from segstudio.workflows.model_palette import palette_of_model
from segstudio.workflows.speed import measure_project
from segstudio.workflows.store_prediction import note_answering, store_prediction
from segstudio.workflows.training import EVENTS

NAME = "segstudio demo"
MODEL = "street-b0"
FRAMES = 24
LABELLED = 16
FIRST_SEED = 4200
HEIGHT, WIDTH = 360, 640
# Every third frame shows a class that people mix up.
FOCUS = (16, 12, 14, 15, 17, 6, 18, 3)
# What the deliberately wrong masks mix up: the classes of part/whole and look-alike confusions.
CONFUSIONS = ((16, 15), (12, 11), (14, 13), (1, 0), (5, 2))
VERSION = "4"
VERSION_FILE = "demo-version.txt"


def demo_folder() -> Path:
    """Where the demo project is kept."""
    return paths.user_data_dir() / NAME


def make_demo(folder: Path, context: JobContext | None = None) -> Path:
    """Makes the demo project unless it is there; returns its folder.

    Raises:
        ModelError, BackendError: the bundled model cannot be run.
    """
    context = context or JobContext()
    marker = folder / ".segstudio" / VERSION_FILE
    if marker.exists() and marker.read_text(encoding="utf-8") == VERSION:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    truths = _draw_frames(folder, context)
    project = Project.open(folder, palette="cityscapes")
    try:
        _label(project, truths)
        _predict(project, context)
        evaluate_project(project, MODEL, context)
        record = measure_project(project, MODEL, context=context)
        project.record_speed(replace(record, when=time.strftime("%Y-%m-%d %H:%M")))
        _add_run(project)
    finally:
        project.close()
    marker.write_text(VERSION, encoding="utf-8")
    return folder


def frame_name(number: int) -> str:
    """The key of a drawn frame."""
    return f"street_{number:03d}"


def true_mask(key: str) -> NDArray[np.uint8]:
    """The exact mask of a drawn frame: train ids uint8 [H,W]."""
    return _scene(int(key.rpartition("_")[2])).mask


def _scene(number: int) -> Scene:
    focus = (FOCUS[number // 3 % len(FOCUS)],) if number % 3 == 0 else None
    return draw_scene(FIRST_SEED + number, HEIGHT, WIDTH, focus=focus)


def _draw_frames(folder: Path, context: JobContext) -> dict[str, NDArray[np.uint8]]:
    truths = {}
    for number in range(FRAMES):
        context.check()
        context.progress(number, FRAMES, "drawing frames")
        scene, key = _scene(number), frame_name(number)
        write_image(folder / f"{key}.jpg", scene.image)
        truths[key] = scene.mask
    return truths


def _label(project: Project, truths: dict[str, NDArray[np.uint8]]) -> None:
    """Masks for most frames; every fourth of them holds a mistake that a reviewer should find."""
    keys = sorted(truths)
    for number, key in enumerate(keys[:LABELLED]):
        mask = truths[key].copy()
        wrong = number % 4 == 1 and spoil(mask)
        project.save_mask(key, mask)
        status = SampleStatus.REJECTED if wrong else SampleStatus.ACCEPTED
        if number % 5 == 4:
            status = SampleStatus.SUBMITTED
        project.set_status([key], status)
        if wrong:
            project.set_note(key, "One region has the wrong class: find and correct it")
    project.set_split(keys[:12], "train")
    project.set_split(keys[12:], "val")


def spoil(mask: NDArray[np.uint8]) -> bool:
    """Gives the largest region of a confusable class the one it is mistaken for; says whether it did."""
    for right, wrong in CONFUSIONS:
        regions = regions_of_class(mask, right)
        if regions:
            region = max(regions, key=lambda entry: entry.area)
            mask[region.rect.slices][region.inside] = wrong
            return True
    return False


def _predict(project: Project, context: JobContext) -> None:
    folder, spec = find_model(MODEL)
    predictor = Predictor(open_backend(folder, spec), spec, runner_up=True, quick=True)
    lookup = class_lookup(palette_of_model(spec), project.palette)
    note_answering(project, spec.name, fingerprint_of(folder, spec))
    try:
        samples = project.samples()
        for number, sample in enumerate(samples):
            context.check()
            context.progress(number, len(samples), "predicting")
            answer = predictor.predict(read_image(sample.image))
            store_prediction(project, sample.key, answer, lookup, spec.name)
    finally:
        predictor.close()


def _add_run(project: Project) -> None:
    """The events of the training that made the bundled model: a finished run to look at.

    Raises:
        ModelError: the bundled model came without them.
    """
    source = find_model(MODEL)[0] / EVENTS
    if not source.is_file():
        raise ModelError(f"{source} is missing", hint="install segstudio again")
    target = project.runs_dir / MODEL
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target / EVENTS)
