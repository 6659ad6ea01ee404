"""Finds where a model fails: all error segments on a folder of masks, and what each kind costs a class."""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ImageError, InputError, MaskError, SegstudioError
from segstudio.inference.backend import AUTO, open_backend
from segstudio.inference.catalog import find_model
from segstudio.inference.predictor import Predictor
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import Counts, count_confusion, scores
from segstudio.metrics.ledger import lost_iou
from segstudio.metrics.segment_query import matching
from segstudio.metrics.segment_table import SegmentTable
from segstudio.metrics.segments import CutOffs, Kind, Segments, extract
from segstudio.project.project import Project
from segstudio.project.sample_queue import SEGMENTS
from segstudio.workflows.evaluate import class_lookup, contest_of
from segstudio.workflows.evaluate_project import Said, asking, evaluate_project, fingerprint_of
from segstudio.workflows.failure_table import failure_table
from segstudio.workflows.model_palette import palette_of_model
from segstudio.workflows.segment_list import save_segments

# Smaller segments have no row; the ledger counts them.
SMALLEST = 4
USUAL = CutOffs()


class TooManyFailuresError(SegstudioError):
    """More segments match a query than were allowed."""


@dataclass(frozen=True)
class Failures:
    """The error segments of a model on some samples.

    Attributes:
        model: its name.
        palette: name of the classes.
        table: all segments.
        confusion: int64 [K,K+1], of all samples.
        skipped: files that could not be used, and why.
    """

    model: str
    palette: str
    table: SegmentTable
    confusion: Counts
    skipped: tuple[tuple[str, str], ...]

    def to_json(self, query: str = "", limit: int = 100) -> dict[str, Any]:
        """The segments that match a query, largest first, and the ledger of every class; fractions 0-1."""
        chosen = self._largest(query)
        areas, order = self.table.rows.area[chosen], chosen[:limit]
        return {
            "model": self.model,
            "palette": self.palette,
            "images": len(self.table.samples),
            "miou": _known(scores(self.confusion).miou),
            "query": query,
            "segments": self.table.count,
            "matching": len(chosen),
            "matching_pixels": int(areas.sum()),
            "rows": [self.table.row(int(number)) for number in order],
            "classes": self.classes(),
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
        }

    def save(self, query: str, path: Path) -> int:
        """Writes all segments that match a query, largest first; see `save_segments`."""
        return save_segments(self.table, self._largest(query), path)

    def _largest(self, query: str) -> NDArray[np.int64]:
        chosen = np.flatnonzero(matching(self.table, query))
        return chosen[np.argsort(-self.table.rows.area[chosen], kind="stable")]

    def classes(self) -> dict[str, dict[str, Any]]:
        """By name: IoU, support in pixels, and the IoU that each kind of error costs: parts of 1 - IoU."""
        ledger = lost_iou(self.table.rows.ledger, self.confusion)
        support = self.confusion.sum(axis=1)
        return {
            name: {
                "iou": _known(ledger.iou[class_id]),
                "pixels": int(support[class_id]),
                "lost": _by_kind(ledger.lost[class_id]),
                "taken": _by_kind(ledger.taken[class_id]),
            }
            for class_id, name in enumerate(self.table.names)
        }


def find_failures(
    model: str | Path,
    images: Path,
    masks: Path,
    palette: str = "",
    *,
    query: str = "",
    backend: str = AUTO,
    cut_offs: CutOffs = USUAL,
    context: JobContext | None = None,
) -> Failures:
    """Predicts images with masks whose ids are those of `palette` and finds all error segments.

    Args:
        model: name or folder of a model.
        images: a folder.
        masks: a folder with a mask of the same name for each image.
        palette: name or path; "" is the model's own.
        query: what will be asked of the table; it is refused before anything slow begins.
        backend: what runs the model.
        cut_offs: where kinds end.
        context: progress and cancellation.

    Raises:
        InputError: a folder is missing, no image has a mask, none of the pairs can be used, or the query
            cannot be read.
    """
    context = context or JobContext()
    contest = contest_of(model, images, masks, palette)
    matching(SegmentTable.of(contest.palette.names, []), query)
    classes, ignore = contest.palette.count, contest.palette.ignore_id
    look = partial(extract, classes=classes, ignore=ignore, smallest=SMALLEST, cut_offs=cut_offs)
    total = np.zeros((classes, classes + 1), np.int64)
    segments: list[tuple[str, Segments]] = []
    skipped: list[tuple[str, str]] = []
    opened = open_backend(contest.folder, contest.spec, backend)
    try:
        predictor = Predictor(opened, contest.spec, runner_up=True, quick=True)
        for number, pair in enumerate(contest.pairs):
            context.check()
            context.progress(number, len(contest.pairs), pair.name)
            try:
                image, truth = pair.load()
            except (ImageError, MaskError) as error:
                skipped.append((pair.path, error.message))
                continue
            said = predictor.predict(image)
            ids = contest.lookup[said.ids]
            total += count_confusion(truth, ids, classes, ignore)
            segments.append((pair.name, look(truth, ids, confidence=said.confidence, margin=said.margin)))
    finally:
        opened.close()
    if not segments:
        reason = skipped[0][1] if skipped else ""
        raise InputError(f"none of the {len(contest.pairs)} images could be used: {reason}")
    table = SegmentTable.of(contest.palette.names, segments)
    return Failures(contest.spec.name, contest.palette.name, table, total, tuple(skipped))


def project_failures(
    project: Project,
    model: str | Path,
    *,
    query: str = "",
    compared: str = "",
    backend: str = AUTO,
    context: JobContext | None = None,
) -> Failures:
    """Evaluates a model on a project, as far as that was not done before, and gives its error segments.

    Args:
        project: whose masks are the truth; what is measured is kept in it.
        model: name or folder of a model.
        query: what will be asked of the table; it is refused before anything slow begins.
        compared: another evaluated model, for the word `change`.
        backend: what runs the model.
        context: progress and cancellation.

    Raises:
        InputError: the query cannot be read, no sample has a mask, or the classes have nothing in common.
    """
    folder, spec = find_model(model)
    known = [entry.model for entry in project.evaluation.models()]
    if compared and compared not in known:
        raise InputError(
            f"{compared} was not evaluated on {project.root}", hint=f"known: {', '.join(known) or 'none yet'}"
        )
    matching(failure_table(project, spec.name, [], compared=compared).table, query)
    lookup = class_lookup(palette_of_model(spec), project.palette)
    opened: list[Predictor] = []

    def ask(path: Path) -> Said:
        if not opened:
            opened.append(Predictor(open_backend(folder, spec, backend), spec, runner_up=True, quick=True))
        return asking(opened[0], lookup)(path)

    try:
        done = evaluate_project(
            project, spec.name, context, ask=ask, fingerprint=fingerprint_of(folder, spec)
        )
    finally:
        for predictor in opened:
            predictor.close()
    found = failure_table(project, spec.name, compared=compared)
    if not found.table.samples:
        reason = done.skipped[0][1] if done.skipped else "no sample has a mask"
        raise InputError(f"{project.root} has nothing to evaluate on: {reason}")
    return Failures(spec.name, project.palette.name, found.table, found.pooled, done.skipped)


def saved_query(project: Project, name: str) -> str:
    """The query of a filter that is saved in a project; "" for no name.

    Raises:
        InputError: there is none of that name.
    """
    if not name:
        return ""
    known = project.queue.filters(SEGMENTS)
    if name not in known:
        there = ", ".join(known) or "none yet"
        raise InputError(f"{project.root} has no filter {name!r}", hint=f"saved: {there}")
    return known[name]


def require_at_most(failures: Failures, query: str, most: int) -> None:
    """Refuses more matching segments than allowed: a check for continuous integration.

    Raises:
        TooManyFailuresError: says how many there are.
    """
    count = int(np.count_nonzero(matching(failures.table, query)))
    if count > most:
        raise TooManyFailuresError(
            f"{count} segments match {query!r}, at most {most} are allowed", hint="see the rows for which"
        )


def _by_kind(parts: NDArray[np.float64]) -> dict[str, float | None]:
    return {kind.name.lower(): _known(float(parts[kind])) for kind in Kind}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
