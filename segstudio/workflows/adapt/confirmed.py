"""Finds the pixels that people confirmed: the only ones that a model is ever adapted to."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import InputError, MaskError
from segstudio.jobs import JobContext
from segstudio.project.confirmations import UNKNOWN, Confirmations
from segstudio.project.layout import is_held_out
from segstudio.project.project import Project
from segstudio.project.sample import Sample, SampleStatus

Mask = NDArray[np.uint8]
# Samples at most. Their features take a fifth of a second each.
MOST_SAMPLES = 48
FEWEST_PIXELS = 16
HINT = "accept samples, or confirm regions that you corrected"


@dataclass(frozen=True)
class ConfirmedSample:
    """A sample with the pixels of it that a person confirmed.

    Attributes:
        sample: as it was found.
        mask: uint8 [H,W], 255 where nothing is confirmed.
        whole: whether the mask is accepted as a whole.
        digest: SHA-256 of the mask.
    """

    sample: Sample
    mask: Mask
    whole: bool
    digest: str

    @property
    def pixels(self) -> int:
        """How many are confirmed."""
        return int(np.count_nonzero(self.mask != UNKNOWN))


@dataclass(frozen=True)
class Confirmed:
    """What can be learnt from, and the samples that were left out with the reason."""

    samples: tuple[ConfirmedSample, ...]
    left: tuple[tuple[str, str], ...]

    @property
    def accepted(self) -> int:
        """Samples that are accepted as a whole."""
        return sum(one.whole for one in self.samples)

    @property
    def pixels(self) -> int:
        """Confirmed pixels of all samples."""
        return sum(one.pixels for one in self.samples)


@dataclass(frozen=True)
class Candidates:
    """Samples in which something may be confirmed, by what is cheap to ask: statuses and names of files.

    Attributes:
        regions: samples in work of which regions are confirmed.
        accepted: samples that are accepted as a whole.
        judging: how many more there are in splits that models are judged on.
    """

    regions: tuple[Sample, ...]
    accepted: tuple[Sample, ...]
    judging: int


def candidates(project: Project) -> Candidates:
    """The samples of a project in which something may be confirmed; reads no mask."""
    partly = set(Confirmations.of(project).keys())
    found = [
        sample
        for sample in project.samples()
        if sample.status is SampleStatus.ACCEPTED or sample.key in partly
    ]
    learnt = [sample for sample in found if not is_held_out(sample.split)]
    accepted = tuple(sample for sample in learnt if sample.status is SampleStatus.ACCEPTED)
    regions = tuple(sample for sample in learnt if sample.status is not SampleStatus.ACCEPTED)
    return Candidates(regions, accepted, len(found) - len(learnt))


def find_confirmed(
    project: Project, keys: Collection[str] = (), context: JobContext | None = None
) -> Confirmed:
    """The confirmed pixels of a project: masks that were accepted, and regions that were confirmed.

    Samples of splits that judge models are left out. Of more samples than can be used in seconds, those with
    confirmed regions come first, as work in progress; accepted ones are taken at even distances.

    Args:
        project: whose samples.
        keys: these alone; none means all.
        context: progress and cancellation.

    Raises:
        InputError: nothing is confirmed; says what was looked at.
        ProjectError: there is no sample of one of the keys.
    """
    context = context or JobContext()
    for key in keys:
        project.sample(key)
    there = candidates(project)
    wanted = [one for one in (*there.regions, *_spread(there)) if not keys or one.key in set(keys)]
    left = [
        (sample.key, f"its split {sample.split} is kept for judging models")
        for sample in project.samples()
        if is_held_out(sample.split) and sample.key in keys
    ]
    store = Confirmations.of(project)
    found: list[ConfirmedSample] = []
    for number, sample in enumerate(wanted):
        context.check()
        context.progress(number, len(wanted), sample.key)
        try:
            one = _confirmed(project, store, sample)
        except MaskError as error:
            left.append((sample.key, error.message))
            continue
        if one.pixels >= FEWEST_PIXELS:
            found.append(one)
        else:
            left.append((sample.key, "nothing in it is confirmed as it is now"))
    if not found:
        reason = f": {left[0][0]}: {left[0][1]}" if left else ""
        raise InputError(f"nothing is confirmed in {project.root}{reason}", hint=HINT)
    return Confirmed(tuple(found), tuple(left))


def _spread(there: Candidates) -> Sequence[Sample]:
    room = max(0, MOST_SAMPLES - len(there.regions))
    if len(there.accepted) <= room:
        return there.accepted
    places = np.linspace(0, len(there.accepted) - 1, room).round().astype(int)
    return [there.accepted[place] for place in np.unique(places)]


def _confirmed(project: Project, store: Confirmations, sample: Sample) -> ConfirmedSample:
    mask, _ = project.look_at_mask(sample.key)
    if mask is None:
        raise MaskError("it has no mask")
    whole = sample.status is SampleStatus.ACCEPTED
    kept = mask if whole else store.confirmed(sample.key, mask)
    return ConfirmedSample(sample, kept, whole, hashlib.sha256(kept.tobytes()).hexdigest())


def confirmed_of(mask: Mask, image: Path, key: str) -> ConfirmedSample:
    """Confirmed pixels of an image that is in no project; 255 where nothing is."""
    digest = hashlib.sha256(mask.tobytes()).hexdigest()
    return ConfirmedSample(Sample(key, image.as_posix(), ""), mask, whole=False, digest=digest)
