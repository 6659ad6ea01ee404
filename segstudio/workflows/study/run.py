"""The simulated study: masks that exist play the person who is asked, and strategies are compared by them."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.errors import InputError
from segstudio.images import atomic_write
from segstudio.jobs import JobContext
from segstudio.workflows.study.points import PointStore
from segstudio.workflows.study.request import HEAD, StudyRequest, budgets_of, note_on_start, spec_of
from segstudio.workflows.study.result import StudyResult, result_of
from segstudio.workflows.study.rounds import Plan, Study

if TYPE_CHECKING:
    from segstudio.training.few_frames import FewFrames
    from segstudio.training.spec.schema import ExperimentSpec

Pair = tuple[Path, Path]
RESULT, PLOT, SETTINGS, POINTS = "study.json", "curves.svg", "settings.json", "points"
TRAIN_LIST, VALIDATION_LIST = "frames.csv", "validation.csv"


def active_study(
    request: StudyRequest, context: JobContext | None = None, warn: Callable[[str], None] | None = None
) -> StudyResult:
    """Runs a study, or what is left of it, and writes its figures and its plot into its folder.

    For every seed the same first frames are drawn for all strategies. Then each strategy chooses more, their
    masks become known, and a network is trained anew from the start with the same number of steps and scored.
    Every training begins anew, so that a point depends on its frames alone, and can be compared with the
    training on all frames.

    Args:
        request: what is asked.
        context: progress and cancellation.
        warn: told, before the first training, what may make the figures too good.

    Raises:
        InputError: folders, palette, start or settings that cannot be used.
        Cancelled: the context was cancelled; finished points are kept.
    """
    context = context or JobContext()
    pool, validation = split_pairs(request)
    # Before anything is written: budgets that cannot be kept.
    budgets_of(request.budgets, len(pool))
    refuse_other_settings(request)
    write_list(request.out / TRAIN_LIST, pool)
    write_list(request.out / VALIDATION_LIST, validation)
    spec = spec_of(request, request.out / TRAIN_LIST, request.out / VALIDATION_LIST)
    learner = open_learner(request.trainer, spec, context)
    # Only now: a start or palette that cannot be used shall not bind the folder.
    remember_settings(request)
    note = note_on_start(request.start)
    if warn is not None and note:
        warn(note)
    keys = [_key(path, request.images) for path in learner.frames]
    plan = Plan(budgets_of(request.budgets, len(keys)), request.chosen, tuple(range(request.seeds)))
    points = Study(plan, keys, learner, PointStore(request.out / POINTS), context).run()
    result = result_of(points, list(plan.strategies), len(keys), request.settings())
    atomic_write(request.out / RESULT, json.dumps(result.to_json(), indent=1).encode())
    atomic_write(request.out / PLOT, result.plot().encode())
    return result


def open_learner(trainer: str, spec: "ExperimentSpec", context: JobContext) -> "FewFrames":
    """What trains: the whole network, or its head on a backbone that stays."""
    from segstudio.training.few_frames import FewFrames
    from segstudio.training.head_frames import HeadFrames

    return HeadFrames(spec, context) if trainer == HEAD else FewFrames(spec, context)


def split_pairs(request: StudyRequest) -> tuple[list[Pair], list[Pair]]:
    """The frames to choose from and those to score on, images with masks, by name.

    Raises:
        InputError: a folder is missing, or too few images have a mask.
    """
    found = _pairs(request.images, request.masks)
    if request.val_images is not None and request.val_masks is not None:
        return found, _pairs(request.val_images, request.val_masks)
    held = round(request.val_share * len(found))
    if not 0 < held < len(found):
        raise InputError(
            f"{len(found)} images with masks cannot be divided by --val-share {request.val_share:g}",
            hint="give more images, or --val-images and --val-masks",
        )
    return found[:-held], found[-held:]


def _pairs(images: Path, masks: Path) -> list[Pair]:
    from segstudio.training.data.files import pair_by_stem

    pairs = list(pair_by_stem(images, masks).pairs)
    if not pairs:
        raise InputError(f"no image in {images} has a mask of the same name in {masks}")
    return pairs


def remember_settings(request: StudyRequest) -> None:
    """Writes what the points of a folder depend on."""
    atomic_write(request.out / SETTINGS, json.dumps(request.settings(), indent=1).encode())


def refuse_other_settings(request: StudyRequest) -> None:
    """Refuses a folder of another study; makes one that is not there.

    Raises:
        InputError: names the settings that differ, or the disk refuses.
    """
    path, settings = request.out / SETTINGS, request.settings()
    if path.is_file():
        kept = _kept_settings(path)
        other = [key for key in settings if kept.get(key) != settings[key]]
        if other:
            shown = ", ".join(f"{key} was {kept.get(key)!r}" for key in other)
            raise InputError(f"{request.out} holds a study with other settings: {shown}",
                             hint="choose another --out, or give the same settings")  # fmt: skip
    try:
        request.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{request.out} cannot be made: {error.strerror}") from error


def _kept_settings(path: Path) -> Mapping[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}", hint="choose another --out") from error
    return values if isinstance(values, dict) else {}


def write_list(path: Path, pairs: Sequence[Pair]) -> None:
    """Writes a line `image,mask` a frame, with absolute paths; links keep the names that they have here."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(("image", "mask"))
    writer.writerows((image.absolute(), mask.absolute()) for image, mask in pairs)
    atomic_write(path, stream.getvalue().encode())


def _key(path: Path, images: Path) -> str:
    return path.relative_to(images.absolute()).with_suffix("").as_posix()
