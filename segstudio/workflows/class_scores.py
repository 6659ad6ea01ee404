"""Reads what the class dashboard shows: which models were evaluated, and the scores of one of them."""

from collections.abc import Callable
from dataclasses import dataclass

from segstudio.annotation.palette import Palette
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import scores
from segstudio.metrics.pooled import PooledEvaluation
from segstudio.project.project import Project
from segstudio.workflows.reference import Reference, ReferenceScores
from segstudio.workflows.scoreboard import (
    Comparison,
    Scoreboard,
    another_model,
    build_scoreboard,
    number,
    published,
    published_scenarios,
)

NO_REFERENCE = "Nothing"


@dataclass(frozen=True, eq=False)
class ClassScores:
    """The scores of one model, and what else could be shown.

    Attributes:
        models: those that were evaluated, by name.
        model: the one that is shown; "" without any.
        compared: what it is compared with, one of `choices`.
        choices: what it can be compared with.
        board: its scores; None without a model, as is `found`.
        found: the sums behind them.
        palette: the classes.
    """

    models: tuple[str, ...]
    model: str
    compared: str
    choices: tuple[str, ...]
    board: Scoreboard | None
    found: PooledEvaluation | None
    palette: Palette


def read_class_scores(
    project: Project,
    wanted: str,
    compared: str | None,
    reference: Reference,
    context: JobContext | None = None,
) -> ClassScores:
    """Adds up the evaluation of a model; the first one where `wanted` was not evaluated.

    `compared` is one of the choices that an earlier reading gave; None is the first one.
    """
    models = tuple(project.evaluation.names())
    model = wanted if wanted in models else next(iter(models), "")
    if not model:
        return ClassScores(models, "", "", (), None, None, project.palette)
    found = project.evaluation.pooled(model, context)
    ways = _comparisons(project, model, found, models, reference)
    chosen = compared if compared in ways else next(iter(ways))
    board = build_scoreboard(found, project.palette, model, ways[chosen]())
    return ClassScores(models, model, chosen, tuple(ways), board, found, project.palette)


def _comparisons(
    project: Project, model: str, found: PooledEvaluation, models: tuple[str, ...], reference: Reference
) -> dict[str, Callable[[], Comparison | None]]:
    """What a model can be compared with, by the text of the choice; models are read when they are chosen."""

    def card(row: ReferenceScores) -> Callable[[], Comparison]:
        return lambda: published(row)

    def scenario(row: Comparison) -> Callable[[], Comparison]:
        return lambda: row

    def other(name: str) -> Callable[[], Comparison]:
        return lambda: another_model(found, project.evaluation.pooled(name), project.palette, name)

    ways: dict[str, Callable[[], Comparison | None]] = {}
    for row in reference.for_palette(project.palette.name):
        ways[row.name] = card(row)
    for row in reference.scenarios:
        if row.palette == project.palette.name:
            ways |= {found.name: scenario(found) for found in published_scenarios(row)}
    ways |= {f"Model {name}": other(name) for name in models if name != model}
    ways[NO_REFERENCE] = lambda: None
    return ways


@dataclass(frozen=True)
class PastScores:
    """The scores of one evaluated model; fractions 0-1, None for absent classes."""

    model: str
    samples: int
    when: str
    miou: float | None
    iou: tuple[float | None, ...]


def read_past_scores(project: Project, context: JobContext | None = None) -> tuple[PastScores, ...]:
    """All evaluated models in the order of their evaluation, the newest last."""
    past = []
    for one in sorted(project.evaluation.models(), key=lambda one: (one.when, one.model)):
        found = scores(project.evaluation.pooled(one.model, context).confusion)
        iou = tuple(number(value) for value in found.iou)
        past.append(PastScores(one.model, one.samples, one.when, number(found.miou), iou))
    return tuple(past)
