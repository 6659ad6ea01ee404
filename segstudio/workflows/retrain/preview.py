"""What a retraining is going to learn from, said before it starts: classes, splits, leaks, time, memory."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from segstudio.errors import ImageError
from segstudio.jobs import JobContext, PartContext
from segstudio.project.project import Project
from segstudio.training.data.leakage import difference_hash, near_duplicates
from segstudio.workflows.class_balance import MaskCounts, SplitCounts, add_up, count_each
from segstudio.workflows.retrain.choice import RetrainChoice
from segstudio.workflows.retrain.estimate import Estimate
from segstudio.workflows.retrain.plan import Plan, make_plan
from segstudio.workflows.retrain.samples import ChosenSamples, choose_samples


@dataclass(frozen=True)
class ClassPreview:
    """A class of the project in both splits.

    Attributes:
        name: of the class.
        train_pixels, train_samples: what is learnt from.
        validation_pixels, validation_samples: what is scored.
        drawn_share: share of the crops whose centre is on it, after balanced sampling, 0-1.
    """

    name: str
    train_pixels: int
    train_samples: int
    validation_pixels: int
    validation_samples: int
    drawn_share: float


@dataclass(frozen=True)
class Leak:
    """A sample to score that looks like one to learn from: keys, and how many of 64 bits differ."""

    train: str
    validation: str
    bits: int


@dataclass(frozen=True)
class RetrainPreview:
    """What a choice comes to.

    Attributes:
        chosen: keys by their use.
        classes: of the project, in its order.
        leaks: near-duplicates across the splits.
        visits: how often samples come in an epoch, where segments were sent to training.
        unusable: masks that cannot be used, by key, with the reason.
        plan: preset, start and experiment.
        facts: for the next look, see `preview`.
    """

    chosen: ChosenSamples
    classes: tuple[ClassPreview, ...]
    leaks: tuple[Leak, ...]
    visits: Mapping[str, int]
    unusable: tuple[tuple[str, str], ...]
    plan: Plan = field(repr=False)
    facts: "SampleFacts" = field(repr=False)

    @property
    def estimate(self) -> Estimate:
        """Steps, seconds and memory."""
        return self.plan.estimate

    @property
    def only_train(self) -> tuple[str, ...]:
        """Classes that are learnt and cannot be scored."""
        return tuple(one.name for one in self.classes if one.train_pixels and not one.validation_pixels)

    @property
    def only_validation(self) -> tuple[str, ...]:
        """Classes that are scored and cannot be learnt."""
        return tuple(one.name for one in self.classes if one.validation_pixels and not one.train_pixels)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know before starting, worst first."""
        found = []
        if not self.chosen.validation:
            found.append(
                "nothing is held out that the start did not learn from: the run cannot say whether the"
                " model got better"
            )
        if self.leaks:
            pair = self.leaks[0]
            found.append(
                f"{len(self.leaks)} of {len(self.chosen.validation)} samples to score look like some"
                f" to learn from ({pair.validation} like {pair.train}): scores will be too good"
            )
        if self.only_validation:
            found.append(f"scored, but nothing to learn from: {', '.join(self.only_validation)}")
        if self.only_train:
            found.append(f"learnt, but nothing to score: {', '.join(self.only_train)}")
        if self.unusable:
            key, reason = self.unusable[0]
            found.append(f"{len(self.unusable)} masks cannot be used, first {key}: {reason}")
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form."""
        estimate, plan = self.estimate, self.plan
        return {
            "train": len(self.chosen.train), "validation": len(self.chosen.validation),
            "validation_drawn": self.chosen.drawn, "held_out": self.chosen.held_out,
            "without_mask": len(self.chosen.without_mask),
            "classes": [asdict(one) for one in self.classes],
            "only_train": list(self.only_train), "only_validation": list(self.only_validation),
            "leaks": [asdict(leak) for leak in self.leaks], "visits": dict(self.visits),
            "unusable": [list(pair) for pair in self.unusable],
            "start": plan.start.name, "preset": plan.preset.key, "reason": plan.preset.reason,
            "keeps_classes": plan.keeps_classes, "network_classes": list(plan.network_palette.names),
            "steps": estimate.steps, "seconds_per_step": round(estimate.seconds_per_step, 4),
            "seconds": round(estimate.seconds, 1), "memory_bytes": estimate.memory_bytes,
            "warnings": list(self.warnings),
        }  # fmt: skip

    def lines(self) -> list[str]:
        """For a terminal."""
        estimate, plan = self.estimate, self.plan
        drawn = ", drawn by sequence" if self.chosen.drawn else ""
        lines = [
            f"learns from {len(self.chosen.train)} samples, scored on {len(self.chosen.validation)}{drawn}",
            f"starts from {plan.start.name}, {len(plan.network_palette.names)} classes"
            f" ({'those of the model' if plan.keeps_classes else 'those of the project'})",
            f"{plan.preset.title}: {plan.preset.reason}",
            f"about {estimate.steps} steps of {estimate.seconds_per_step:.2f} s in"
            f" {estimate.seconds / 60:.0f} minutes, {estimate.memory_bytes / 1e9:.1f} GB of memory"
            f" ({'as measured here before' if estimate.measured else 'a guess; the run measures it first'})",
            f"{'class':<22}{'learnt from':>18}{'scored on':>16}{'of crops':>10}",
        ]
        lines += [
            f"{one.name[:21]:<22}{one.train_samples:>10} samples{one.validation_samples:>8} samples"
            f"{one.drawn_share:>10.1%}"
            for one in self.classes
            if one.train_samples or one.validation_samples
        ]
        return [*lines, *(f"warning: {text}" for text in self.warnings)]


@dataclass(frozen=True, eq=False)
class SampleFacts:
    """What the samples of a choice are, whatever is to be learnt from them; slow to find out.

    Attributes:
        key: what they follow from, see `samples_key`.
        chosen: keys by their use.
        train, validation: sums over their masks.
        leaks, visits, unusable: see `RetrainPreview`.
    """

    key: Hashable
    chosen: ChosenSamples
    train: SplitCounts
    validation: SplitCounts
    leaks: tuple[Leak, ...]
    visits: Mapping[str, int]
    unusable: tuple[tuple[str, str], ...]


def samples_key(choice: RetrainChoice) -> Hashable:
    """What of a choice its samples depend on."""
    return choice.query, choice.statuses, choice.validation, choice.drawn_share, choice.seed, choice.start


def preview(
    project: Project, choice: RetrainChoice, context: JobContext, known: SampleFacts | None = None
) -> RetrainPreview:
    """Looks at everything that a retraining would use; changes nothing. The work of a Job.

    Args:
        project: whose samples.
        choice: what the user wants.
        context: progress and cancellation.
        known: of an earlier look; used again where only other things were chosen since.

    Raises:
        ProjectError: no sample is left to learn from. InputError: the query or preset cannot be used.
        ModelError: the start cannot be used. Cancelled: the context was cancelled.
    """
    is_known = known is not None and known.key == samples_key(choice)
    facts = known if known is not None and is_known else look_at_samples(project, choice, context)
    chosen = facts.chosen
    plan = make_plan(project, choice, len(chosen.validation))
    classes = _classes(project.palette.names, facts.train, facts.validation, choice.balanced_share)
    return RetrainPreview(chosen, classes, facts.leaks, facts.visits, facts.unusable, plan, facts)


def look_at_samples(project: Project, choice: RetrainChoice, context: JobContext) -> SampleFacts:
    """Counts the masks of a choice's samples and compares their images.

    Raises:
        ProjectError: no sample is left to learn from. InputError: the query cannot be used.
        ModelError: the start cannot be used. Cancelled: the context was cancelled.
    """
    chosen = choose_samples(project, choice)
    counted, unreadable = count_each(project, _part(context, "counting masks"))
    used = (*chosen.train, *chosen.validation)
    unusable = [(key, "it cannot be read") for key in used if key in unreadable]
    unusable += [(key, "there is none") for key in chosen.without_mask]
    visits = project.verdicts.visits(list(chosen.train))
    return SampleFacts(
        samples_key(choice),
        chosen,
        _sum(counted, chosen.train, project.palette.count),
        _sum(counted, chosen.validation, project.palette.count),
        find_leaks(project, chosen.train, chosen.validation, _part(context, "comparing images")),
        {key: count for key, count in visits.items() if count > 1},
        tuple(unusable),
    )


def find_leaks(
    project: Project, train: Sequence[str], validation: Sequence[str], context: JobContext
) -> tuple[Leak, ...]:
    """Samples to score whose thumbnails hardly differ from one to learn from; see `near_duplicates`.

    Raises:
        Cancelled: the context was cancelled.
    """
    hashes: list[list[tuple[str, int]]] = [[], []]
    total = len(train) + len(validation)
    for number, (side, key) in enumerate([*((0, key) for key in train), *((1, key) for key in validation)]):
        context.check()
        context.progress(number, total, key)
        try:
            found = difference_hash(project.thumbnail(key))
        except ImageError:
            continue
        if found is not None:
            hashes[side].append((key, found))
    ours, theirs = (np.array([value for _, value in side], np.uint64) for side in hashes)
    return tuple(
        Leak(hashes[0][twin.train][0], hashes[1][twin.other][0], twin.bits)
        for twin in near_duplicates(ours, theirs)
    )


def _part(context: JobContext, text: str) -> JobContext:
    return PartContext(context, lambda done, total, key: context.progress(done, total, f"{text}  ·  {key}"))


def _sum(counted: Mapping[str, MaskCounts], keys: Sequence[str], classes: int) -> SplitCounts:
    return add_up([counted[key] for key in keys if key in counted], classes)


def _classes(
    names: Sequence[str], train: SplitCounts, validation: SplitCounts, balanced: float
) -> tuple[ClassPreview, ...]:
    """Every class; a share of crops is centred on each class that occurs alike, the rest falls by area."""
    present = train.pixels > 0
    by_turn = present / max(1, int(present.sum()))
    by_area = train.pixels / max(1, int(train.pixels.sum()))
    shares = balanced * by_turn + (1 - balanced) * by_area
    return tuple(
        ClassPreview(
            name, int(train.pixels[n]), int(train.holding[n]), int(validation.pixels[n]),
            int(validation.holding[n]), float(shares[n]),
        )
        for n, name in enumerate(names)
    )  # fmt: skip
