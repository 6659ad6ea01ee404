"""Predicts untouched samples again with another model: shows first what would change, then applies it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from segstudio.errors import Cancelled, ImageError, InputError, MaskError, SegstudioError
from segstudio.inference.backend import AUTO, Options
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import Counts, count_pairs
from segstudio.project.answers import read_answer, write_answer
from segstudio.project.batches import pixels_digest
from segstudio.project.project import Project
from segstudio.project.sample import Changes, Sample, StoredPrediction
from segstudio.workflows.evaluate_project import Ask
from segstudio.workflows.prove.contender import Contender
from segstudio.workflows.repredict.plan import (
    Pair,
    PlannedSample,
    PlanState,
    RepredictPlan,
    is_untouched,
    new_folder,
)
from segstudio.workflows.store_prediction import note_answering

PAIRS_OF_SAMPLE = 5
WORKED_ON = "somebody worked on it meanwhile"
PREDICTED = "it was predicted again meanwhile"
CANCELLED = "it was cancelled before"


@dataclass(frozen=True)
class RepredictResult:
    """What applying a plan did, or taking it back.

    Attributes:
        plan: as it is now.
        done: samples with another prediction than before.
        left: samples that stayed as they are, and why.
        changes: of the project.
    """

    plan: RepredictPlan
    done: int
    left: tuple[tuple[str, str], ...]
    changes: Changes


def plan_repredict(
    project: Project,
    model: str | Path,
    context: JobContext | None = None,
    *,
    keys: Collection[str] | None = None,
    backend: str = AUTO,
    in_window: bool = False,
) -> RepredictPlan:
    """Asks a model about every sample that nobody touched; nothing in the project changes by it.

    Args:
        project: whose samples.
        model: name or folder of a model.
        context: progress and cancellation.
        keys: these samples alone, as far as they are untouched; None means all.
        backend: what runs the model.
        in_window: whether a window must stay fluid meanwhile.

    Raises:
        InputError: there is no untouched sample, or the model cannot be used.
        Cancelled: nothing is left of the plan. ImageError: the disk refuses.
    """
    asked = Contender(project, model, backend, Options(in_window=in_window))
    try:
        return plan_with(
            project, asked.spec.name, asked.ask, context, keys=keys, fingerprint=asked.fingerprint
        )
    finally:
        asked.close()


def plan_with(
    project: Project,
    model: str,
    ask: Ask,
    context: JobContext | None = None,
    *,
    keys: Collection[str] | None = None,
    fingerprint: str = "",
) -> RepredictPlan:
    """The same for whatever answers in the name of a model."""
    context = context or JobContext()
    samples = [sample for sample in project.samples() if keys is None or sample.key in keys]
    todo = [sample for sample in samples if is_untouched(sample)]
    if not todo:
        raise InputError(
            f"people worked on all {len(samples):,} samples: there is nothing to predict again",
            hint="their masks stay as they are",
        )
    plan = RepredictPlan(
        new_folder(project), model, (), (), len(samples) - len(todo), fingerprint=fingerprint
    )
    try:
        return _filled(project, plan, todo, ask, context)
    except (Cancelled, ImageError):
        plan.drop()
        raise


def _filled(
    project: Project, plan: RepredictPlan, todo: list[Sample], ask: Ask, context: JobContext
) -> RepredictPlan:
    planned: list[PlannedSample] = []
    skipped: list[tuple[str, str]] = []
    totals = np.zeros((256, 256), np.int64)
    for number, sample in enumerate(todo):
        context.check()
        context.progress(number, len(todo), f"{number} of {len(todo)}  ·  {sample.key}")
        try:
            said = ask(sample.image)
        except (ImageError, MaskError) as error:
            skipped.append((sample.key, error.message))
            continue
        answer = StoredPrediction(said.ids, said.confidence, plan.model, said.second, said.margin)
        write_answer(plan.new_path(sample.key), answer)
        before = project.load_prediction(sample.key)
        if before is not None and before.ids.shape == said.ids.shape:
            totals += count_pairs(before.ids, said.ids)
        planned.append(_planned(sample.key, before, answer))
    planned.sort(key=lambda one: (one.is_first, -one.share))
    filled = replace(plan, samples=tuple(planned), totals=_most(totals), skipped=tuple(skipped))
    filled.save()
    return filled


def _planned(key: str, before: StoredPrediction | None, after: StoredPrediction) -> PlannedSample:
    digest = pixels_digest(after.ids)
    if before is None:
        return PlannedSample(key, after.ids.size, 0, (), "", digest)
    if before.ids.shape != after.ids.shape:
        return PlannedSample(key, after.ids.size, after.ids.size, (), pixels_digest(before.ids), digest)
    pairs = count_pairs(before.ids, after.ids)
    changed = after.ids.size - int(np.trace(pairs))
    most = _most(pairs)[:PAIRS_OF_SAMPLE]
    return PlannedSample(key, after.ids.size, changed, most, pixels_digest(before.ids), digest)


def _most(pairs: Counts) -> tuple[Pair, ...]:
    """The pairs of two different classes that occur, the most pixels first."""
    different = pairs.copy()
    np.fill_diagonal(different, 0)
    before, after = np.nonzero(different)
    order = np.argsort(-different[before, after], kind="stable")
    return tuple((int(before[n]), int(after[n]), int(different[before[n], after[n]])) for n in order)


def apply_plan(
    project: Project,
    plan: RepredictPlan,
    context: JobContext | None = None,
    *,
    keys: Collection[str] | None = None,
) -> RepredictResult:
    """Makes the planned answers the predictions; each one of before is kept first, so that it can be undone.

    A sample that somebody worked on since, or that was predicted again, stays as it is. When it is cancelled,
    what was done until then stays done, and can be undone.

    Args:
        project: whose predictions.
        plan: what changes.
        context: progress and cancellation, between two samples.
        keys: these samples alone; None means all of the plan.

    Raises:
        InputError: the plan was applied before, or is gone. ImageError: the disk refuses.
    """
    if plan.state is not PlanState.MADE:
        raise InputError(f"these predictions of {plan.model} were applied before", hint="plan anew")
    _refuse_gone(plan)
    note_answering(project, plan.model, plan.fingerprint)
    applied = plan.moved_to(PlanState.APPLIED)
    chosen = [one for one in plan.samples if keys is None or one.key in keys]
    return _each(project, applied, chosen, context, _apply_one)


def undo_plan(project: Project, plan: RepredictPlan, context: JobContext | None = None) -> RepredictResult:
    """Takes a plan back: its samples have the predictions of before, or none where there was none.

    Raises:
        InputError: the plan is not applied, or gone. ImageError: the disk refuses.
    """
    if plan.state is not PlanState.APPLIED:
        raise InputError(f"these predictions of {plan.model} are not applied", hint="nothing is to be undone")
    _refuse_gone(plan)
    done = _each(project, plan, plan.samples, context, _undo_one)
    # What was cancelled can be tried again.
    if any(reason == CANCELLED for _, reason in done.left):
        return done
    return RepredictResult(plan.moved_to(PlanState.UNDONE), done.done, done.left, done.changes)


def _refuse_gone(plan: RepredictPlan) -> None:
    if not plan.folder.is_dir():
        raise InputError(f"these predictions of {plan.model} are gone", hint="plan anew")


def _each(
    project: Project,
    plan: RepredictPlan,
    chosen: Sequence[PlannedSample],
    context: JobContext | None,
    act: Callable[[Project, RepredictPlan, PlannedSample], Changes],
) -> RepredictResult:
    context = context or JobContext()
    changes, done, left = Changes(), 0, list[tuple[str, str]]()
    for number, one in enumerate(chosen):
        if context.cancelled:
            left += [(rest.key, CANCELLED) for rest in chosen[number:]]
            break
        context.progress(number, len(chosen), f"{number} of {len(chosen)}  ·  {one.key}")
        try:
            moved = act(project, plan, one)
            changes, done = changes | moved, done + (not moved.is_empty)
        except SegstudioError as error:
            left.append((one.key, error.message))
    return RepredictResult(plan, done, tuple(left), changes)


def _apply_one(project: Project, plan: RepredictPlan, one: PlannedSample) -> Changes:
    """Raises SegstudioError where it may not be done or the disk refuses."""
    answer = read_answer(plan.new_path(one.key))
    before = _untouched_prediction(project, one.key)
    if (pixels_digest(before.ids) if before else "") != one.before:
        raise SegstudioError(PREDICTED)
    if before is not None:
        write_answer(plan.old_path(one.key), before)
    return _stored(project, one.key, answer)


def _undo_one(project: Project, plan: RepredictPlan, one: PlannedSample) -> Changes:
    """Raises SegstudioError where it may not be done or the disk refuses."""
    now, kept = _untouched_prediction(project, one.key), plan.old_path(one.key)
    digest = pixels_digest(now.ids) if now else ""
    is_ours = now is not None and now.model == plan.model and digest == one.after
    if is_ours and one.is_first:
        return project.drop_prediction(one.key)
    if is_ours and kept.exists():
        return _stored(project, one.key, read_answer(kept))
    if digest != one.before:
        raise SegstudioError(PREDICTED)
    return Changes()


def _untouched_prediction(project: Project, key: str) -> StoredPrediction | None:
    """What is predicted of a sample; raises SegstudioError for one that somebody worked on."""
    if not is_untouched(project.sample(key)):
        raise SegstudioError(WORKED_ON)
    return project.load_prediction(key)


def _stored(project: Project, key: str, said: StoredPrediction) -> Changes:
    return project.save_prediction(
        key, said.ids, said.confidence, said.model, second=said.second, margin=said.margin
    )
