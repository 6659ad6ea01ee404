"""Proves a new model against the one in use: both judged on the same unseen samples."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from segstudio.errors import InputError
from segstudio.inference.backend import AUTO, Options
from segstudio.jobs import JobContext, PartContext
from segstudio.metrics.fine_grained import class_sums
from segstudio.metrics.paired_bootstrap import Differences, paired_differences
from segstudio.project.evaluations import ModelEvaluation
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.workflows.evaluate_project import Ask, ProjectEvaluation, evaluate_project
from segstudio.workflows.prove.contender import Contender, race
from segstudio.workflows.prove.held_out import ACCEPTED, HeldOut, choose_held_out
from segstudio.workflows.prove.learnt import learnt_from
from segstudio.workflows.prove.proof import ClassProof, Proof, Side
from segstudio.workflows.prove.segments import SegmentChanges, segment_changes
from segstudio.workflows.prove.verdict import Judgement, judge


@dataclass(frozen=True)
class ProofOrder:
    """What is to be compared.

    Attributes:
        candidate: the new model, by name or folder.
        current: the one in use, likewise.
        split: the samples that judge; "" takes what `choose_held_out` does.
        statuses: of samples whose masks count as the truth.
        backend: what runs the models.
        timed: whether their speed is measured too.
        in_window: whether a window must stay fluid meanwhile.
    """

    candidate: str | Path
    current: str | Path
    split: str = ""
    statuses: Collection[SampleStatus] = ACCEPTED
    backend: str = AUTO
    timed: bool = True
    in_window: bool = False


def prove(project: Project, order: ProofOrder, context: JobContext | None = None) -> Proof:
    """Compares two models; what is measured of them is kept in the project, what they predict is not.

    Args:
        project: whose masks are the truth.
        order: what is compared on what.
        context: progress and cancellation.

    Raises:
        InputError: one model twice, two of one name, no sample that may judge, or an unusable model.
        Cancelled: what was measured until then is kept.
    """
    context = context or JobContext()
    options = Options(in_window=order.in_window)
    new = Contender(project, order.candidate, order.backend, options)
    old = Contender(project, order.current, order.backend, options)
    _refuse_twins(new, old)
    try:
        learnt = learnt_from(project, new.folder, new.spec) | learnt_from(project, old.folder, old.spec)
        held_out = choose_held_out(project, learnt, order.split, order.statuses, context)
        asks = {one: one.tried(project).keeping(one.ask) for one in (old, new)}
        done = [
            _evaluated(project, one, asks[one], held_out.keys, _half(context, number))
            for number, one in enumerate((old, new))
        ]
        measured = [project.evaluation.load(one.spec.name, held_out.keys) for one in (old, new)]
        proof = _proof(project, (old, new), held_out, measured, done)
        for one, ask in asks.items():
            one.tried(project).complete(proof.pictured, ask, context)
        return _timed(project, proof, (old, new), context) if order.timed else proof
    finally:
        new.close()
        old.close()


def _timed(
    project: Project, proof: Proof, contenders: tuple[Contender, Contender], context: JobContext
) -> Proof:
    """The same, with how long both models take for an image."""
    keys = set(proof.keys)
    images = [sample.image for sample in project.samples() if sample.key in keys]
    before, after = race(*contenders, images, context)
    current, candidate = replace(proof.current, cost=before), replace(proof.candidate, cost=after)
    return replace(proof, current=current, candidate=candidate)


def _refuse_twins(new: Contender, old: Contender) -> None:
    """Raises InputError where there is nothing to compare, or scores would get mixed up."""
    if new.fingerprint == old.fingerprint:
        raise InputError(
            f"{new.spec.name} and {old.spec.name} have the same weights", hint="choose two different models"
        )
    if new.spec.name == old.spec.name:
        raise InputError(
            f"both models are called {new.spec.name}: {new.folder} and {old.folder}",
            hint="import one of them under another name: `segstudio models import FOLDER --name NAME`",
        )


def _half(context: JobContext, number: int) -> JobContext:
    """What one of the two evaluations sees: its progress is that of the first or the second half."""

    def show(done: float, total: float, text: str) -> None:
        context.progress(number * total + done, 2 * total, text)

    return PartContext(context, show)


def _evaluated(
    project: Project, one: Contender, ask: Ask, keys: Collection[str], context: JobContext
) -> ProjectEvaluation:
    return evaluate_project(
        project,
        one.spec.name,
        context,
        ask=ask,
        fingerprint=one.fingerprint,
        keys=keys,
        keep_answers=False,
    )


def _proof(
    project: Project,
    contenders: tuple[Contender, Contender],
    held_out: HeldOut,
    measured: list[ModelEvaluation],
    done: list[ProjectEvaluation],
) -> Proof:
    skipped = tuple(dict.fromkeys(entry for one in done for entry in one.skipped))
    others = set(measured[1].keys)
    both = [key for key in measured[0].keys if key in others]
    if not both:
        reason = skipped[0][1] if skipped else "their masks changed meanwhile"
        raise InputError(f"none of {len(held_out.keys):,} samples could be used: {reason}")
    if any(len(one.keys) != len(both) for one in measured):
        measured = [project.evaluation.load(one.model, both) for one in measured]
    before, after = (np.stack(class_sums(one.confusion), axis=1) for one in measured)
    found = paired_differences(before, after)
    judged, segments = judge(found, len(both)), segment_changes(*measured)
    current, candidate = (
        Side(one.spec.name, one.fingerprint, miou, one.cost(None))
        for one, miou in zip(contenders, found.mious, strict=True)
    )
    return Proof(
        current,
        candidate,
        held_out,
        tuple(both),
        (float(found.miou[0]), float(found.miou[1])),
        _class_proofs(project.palette.names, found, judged, segments),
        judged.recommendation,
        judged.needed,
        _named_losses(project, found, judged),
        segments,
        skipped,
        done[0].changes | done[1].changes,
    )


def _class_proofs(
    names: Sequence[str], found: Differences, judged: Judgement, segments: SegmentChanges
) -> tuple[ClassProof, ...]:
    return tuple(
        ClassProof(
            number,
            name,
            float(found.first[number]),
            float(found.second[number]),
            (float(found.iou[number, 0]), float(found.iou[number, 1])),
            int(found.samples[number]),
            judged.classes[number],
            segments.classes[number],
        )
        for number, name in enumerate(names)
    )


def _named_losses(project: Project, found: Differences, judged: Judgement) -> tuple[str, ...]:
    """The classes that are worse for sure, the largest loss first."""
    worst_first = sorted(judged.sure_losses, key=lambda number: found.by_class[number])
    return tuple(project.palette.names[number] for number in worst_first)
