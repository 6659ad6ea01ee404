"""Refits a linear classifier to confirmed pixels while it is held to its old weights: seconds on a CPU."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.jobs import cores
from segstudio.metrics.overlap_bias import overlap_bias

Floats = NDArray[np.float32]
Sums = NDArray[np.float64]
# How strongly the classifier is held to its old weights, the strongest first; below the last one rare classes
# fell on frames of other days, which frames that are left out of one drive cannot show.
STRENGTHS = (10.0, 3.2, 1.8, 1.0, 0.56, 0.32)
# A class counts by its pixels to the power of 1 - RARITY: mean IoU asks more of rare classes than their share
# of the pixels, and far less than all classes alike would give them.
RARITY = 0.08
# The bias is one of the numbers that tell how frequent a class is: it may move more freely than a direction.
BIAS_SHARE = 0.1
# Twice the mean IoU that moving a class by a nat has to bring where it was confirmed in many blocks, and the
# number of blocks at which it has to bring double.
OVERLAP_HOLD, OVERLAP_BLOCKS = 0.03, 10
FOLDS = 5
# Pixels that the strength is chosen with, and steps of each fit.
CHOICE_PIXELS, CHOICE_STEPS, STEPS = 10_000, 10, 40
# A change is worth making if it surely takes away this share of the held-out loss.
WORTH = 0.01
# Stands for the logarithm of nothing.
NEVER = np.float32(-1e9)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Confirmed pixels as the classifier sees them, in the classes of a project.

    A class may be the union of several of the model's classes. All of these move together, so that what the
    project cannot tell apart stays as it was. The last column of `base` and `best`, behind the K classes,
    stands for the model's classes that the project does not have; they do not move.

    Attributes:
        features: float32 [n,C], what the classifier reads.
        base: float32 [n,K+1], logarithm of the summed exponentials of the old scores of each class.
        best: float32 [n,K+1], the highest old score of each class.
        truth: int64 [n], the confirmed class.
        weight: float32 [n], pixels of the frame that each one stands for.
        block: int32 [n], pixels of one block are never apart: they are held out together.
    """

    features: Floats
    base: Floats
    best: Floats
    truth: NDArray[np.int64]
    weight: Floats
    block: NDArray[np.int32]

    @property
    def count(self) -> int:
        """How many pixels there are."""
        return len(self.truth)

    @property
    def classes(self) -> int:
        """K."""
        return int(self.base.shape[1]) - 1

    def part(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Evidence":
        """Some of the pixels."""
        return Evidence(
            self.features[chosen],
            self.base[chosen],
            self.best[chosen],
            self.truth[chosen],
            self.weight[chosen],
            self.block[chosen],
        )


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What a strength does on pixels that the fit did not see.

    Attributes:
        before, after: float64 [K,K+1], confusion in pixels with the old and the refitted classifier.
        loss_before, loss_after: mean cross-entropy in nats.
    """

    before: Sums
    after: Sums
    loss_before: float
    loss_after: float


@dataclass(frozen=True, eq=False)
class Refit:
    """A refitted classifier.

    Attributes:
        shift: float32 [K,C+1], what is added to the weights and the bias of each class; 0 for classes of
            which nothing was confirmed.
        strength: how strongly it was held to the old weights; infinite where nothing was worth changing.
        held_out: what that does elsewhere.
    """

    shift: Floats
    strength: float
    held_out: HeldOut


def grouped(scores: Floats, groups: Sequence[int], classes: int) -> tuple[Floats, Floats]:
    """`base` and `best` of `Evidence` for a model's scores float32 [n,M].

    Args:
        scores: of the model's classes.
        groups: the project's class of each of the model's; `classes` or more where there is none.
        classes: K.
    """
    base = np.full((len(scores), classes + 1), NEVER, np.float32)
    best = base.copy()
    of = np.minimum(np.asarray(groups), classes)
    for group in np.unique(of):
        own = scores[:, of == group]
        highest = own.max(axis=1)
        best[:, group] = highest
        base[:, group] = highest + np.log(np.exp(own - highest[:, None]).sum(axis=1))
    return base, best


def refit(evidence: Evidence, seed: int = 0) -> Refit:
    """Refits with the strongest hold that is as good as the best one on blocks that are left out.

    Multinomial logistic regression with a Gaussian prior around the old weights. The strength is chosen by
    the rule of one standard error (Breiman et al., Classification and Regression Trees, 1984, 3.4.3): of all
    strengths whose held-out loss is within one standard error of the least one, the strongest. It changes
    nothing where even the best one does not surely take away a hundredth of the old classifier's loss.

    The bias of each class then moves to where the pixels that were left out have the best mean IoU; see
    `overlap_bias`. What `held_out` says of a block comes from the biases that the other blocks ask for.

    Args:
        evidence: pixels of two blocks at least.
        seed: of the pixels that the strength is chosen with.

    Raises:
        ValueError: fewer than two blocks.
    """
    chosen = evidence
    if evidence.count > CHOICE_PIXELS:
        lots = np.random.default_rng(seed).permutation(evidence.count)[:CHOICE_PIXELS]
        chosen = evidence.part(np.sort(lots))
    places = np.unique(chosen.block, return_inverse=True)[1]
    if places.max(initial=0) < 1:
        raise ValueError("a strength cannot be chosen with one block")
    fold = places % FOLDS
    with _one_thread_each(), ThreadPoolExecutor(cores()) as pool:
        folds = list(pool.map(lambda number: _left_out(chosen, fold == number), np.unique(fold)))
    number = _choice(
        np.array([[one.loss for one in held.after] for held in folds]),
        np.array([held.before.loss for held in folds]),
    )
    before = _sum([held.before for held in folds])
    if number is None:
        still = np.zeros((evidence.classes, evidence.features.shape[1] + 1), np.float32)
        return Refit(
            still, float("inf"), HeldOut(before.confusion, before.confusion, before.loss, before.loss)
        )
    with _one_thread_each():
        after, bias = _biased(folds, number, OVERLAP_HOLD * (1 + OVERLAP_BLOCKS / _blocks(evidence)))
        shift = fit(evidence, STRENGTHS[number])
    shift[:, -1] += bias
    return Refit(
        shift, STRENGTHS[number], HeldOut(before.confusion, after.confusion, before.loss, after.loss)
    )


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Matrix products on one thread: as small as these they lose more by waiting for each other."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


def fit(evidence: Evidence, strength: float, *, start: Floats | None = None, steps: int = STEPS) -> Floats:
    """The shift float32 [K,C+1] that best explains the evidence at a strength; see `refit`.

    The hold of a class is the stronger the fewer blocks it was confirmed in. Classes without any do not move.
    """
    from scipy.optimize import minimize

    count, channels = evidence.features.shape
    classes = evidence.classes
    weight = _class_weights(evidence)
    hold, free = _holds(evidence, strength)
    rows = np.arange(count)

    def cost(values: Sums) -> tuple[float, Sums]:
        shift = values.reshape(classes, channels + 1).astype(np.float32)
        shares, loss = _shares(evidence, shift, weight)
        shares *= weight[:, None]
        shares[rows, evidence.truth] -= weight
        slope = np.empty_like(shift)
        slope[:, :-1] = shares[:, :classes].T @ evidence.features
        slope[:, -1] = shares[:, :classes].sum(axis=0)
        slope += hold * shift
        slope[~free] = 0
        return loss + 0.5 * float((hold * shift**2).sum()), slope.ravel().astype(np.float64)

    begin = np.zeros((classes, channels + 1)) if start is None else start.astype(np.float64)
    found = minimize(
        cost, begin.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": steps, "ftol": 1e-6}
    )
    shift: Floats = found.x.reshape(classes, channels + 1).astype(np.float32)
    return shift


def answers(evidence: Evidence, shift: Floats) -> NDArray[np.int64]:
    """int64 [n]: the class of each pixel with a shift; K for classes that the project does not have."""
    scores = evidence.best.copy()
    scores[:, :-1] += _moved(evidence.features, shift)
    found: NDArray[np.int64] = scores.argmax(axis=1)
    return found


@dataclass(frozen=True, eq=False)
class _Outcome:
    confusion: Sums
    loss: float
    weight: float


@dataclass(frozen=True, eq=False)
class _Fold:
    """Pixels that were left out of the fit, and what the old classifier and each strength say of them."""

    unseen: Evidence
    before: _Outcome
    shifts: list[Floats]
    after: list[_Outcome]


def _left_out(evidence: Evidence, out: NDArray[np.bool_]) -> _Fold:
    seen, unseen = evidence.part(~out), evidence.part(out)
    shift = np.zeros((evidence.classes, evidence.features.shape[1] + 1), np.float32)
    before = _outcome(unseen, shift)
    shifts = []
    for strength in STRENGTHS:
        # The next weaker hold begins where the stronger one ended.
        shift = fit(seen, strength, start=shift, steps=CHOICE_STEPS)
        shifts.append(shift)
    return _Fold(unseen, before, shifts, [_outcome(unseen, shift) for shift in shifts])


def _biased(folds: list[_Fold], number: int, hold: Sums) -> tuple[_Outcome, Floats]:
    """A strength with biases for the best overlap: each fold with those of the others, and those of all."""
    scores = [_scores(held.unseen, held.shifts[number]) for held in folds]

    def bias(used: list[int]) -> Floats:
        return overlap_bias(
            np.concatenate([scores[place] for place in used]),
            np.concatenate([folds[place].unseen.truth for place in used]),
            np.concatenate([folds[place].unseen.weight for place in used]),
            hold,
        )

    after = []
    for place, held in enumerate(folds):
        shift = held.shifts[number].copy()
        shift[:, -1] += bias([other for other in range(len(folds)) if other != place])
        after.append(_outcome(held.unseen, shift))
    return _sum(after), bias(list(range(len(folds))))


def _outcome(evidence: Evidence, shift: Floats) -> _Outcome:
    classes = evidence.classes
    total = float(evidence.weight.sum())
    loss = _shares(evidence, shift, evidence.weight / total)[1]
    places = evidence.truth * (classes + 1) + answers(evidence, shift)
    sums: Sums = np.bincount(places, evidence.weight, minlength=classes * (classes + 1)).astype(np.float64)
    return _Outcome(sums.reshape(classes, classes + 1), loss, total)


def _sum(outcomes: list[_Outcome]) -> _Outcome:
    """Confusion added up, and the mean loss of a pixel."""
    total = sum(one.weight for one in outcomes)
    confusion: Sums = np.sum([one.confusion for one in outcomes], axis=0)
    return _Outcome(confusion, sum(one.loss * one.weight for one in outcomes) / total, total)


def _choice(losses: Sums, old: Sums) -> int | None:
    """The number of a strength for losses [folds,strengths] and those of the old classifier [folds]."""
    gain = losses - old[:, None]
    mean = gain.mean(axis=0)
    error = gain.std(axis=0, ddof=1) / len(gain) ** 0.5
    best = int(mean.argmin())
    limit = mean[best] + error[best]
    is_worth_it = -limit > WORTH * old.mean()
    return int(np.flatnonzero(mean <= limit)[0]) if is_worth_it else None


def _class_weights(evidence: Evidence) -> Floats:
    """float32 [n], summing to 1: the pixels' weights with rare classes raised a little."""
    areas = np.bincount(evidence.truth, evidence.weight, minlength=evidence.classes)
    raised = evidence.weight * np.maximum(areas, 1)[evidence.truth] ** -RARITY
    weight: Floats = (raised / raised.sum()).astype(np.float32)
    return weight


def _holds(evidence: Evidence, strength: float) -> tuple[Floats, NDArray[np.bool_]]:
    """The hold float32 [K,C+1] of each number, and bool [K]: which classes may move."""
    classes, channels = evidence.classes, evidence.features.shape[1]
    hold = np.empty((classes, channels + 1), np.float32)
    hold[:] = (strength * (1 + 1 / _blocks(evidence)))[:, None]
    hold[:, -1] *= BIAS_SHARE
    return hold, np.bincount(evidence.truth, minlength=classes) > 0


def _blocks(evidence: Evidence) -> NDArray[np.int64]:
    """int64 [K]: how many blocks each class was confirmed in; 1 where it was in none."""
    found = [len(np.unique(evidence.block[evidence.truth == own])) for own in range(evidence.classes)]
    return np.maximum(found, 1)


def _moved(features: Floats, shift: Floats) -> Floats:
    moved: Floats = features @ shift[:, :-1].T + shift[:, -1]
    return moved


def _scores(evidence: Evidence, shift: Floats) -> Floats:
    """float32 [n,K+1]: logarithms of what each class's probability is proportional to, with a shift."""
    scores = evidence.base.copy()
    scores[:, :-1] += _moved(evidence.features, shift)
    return scores


def _shares(evidence: Evidence, shift: Floats, weight: Floats) -> tuple[Floats, float]:
    """Probabilities float32 [n,K+1], and the weighted cross-entropy."""
    scores = _scores(evidence, shift)
    scores -= scores.max(axis=1, keepdims=True)
    own = scores[np.arange(evidence.count), evidence.truth]
    powers = np.exp(scores, out=scores)
    total = powers.sum(axis=1)
    loss = float((weight * (np.log(total) - own)).sum(dtype=np.float64))
    powers /= total[:, None]
    return powers, loss
