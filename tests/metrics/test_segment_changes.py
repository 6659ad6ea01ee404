"""A against B: segments by hand and against a plain double loop; regions of the truth."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segstudio.metrics.sample_evaluation import evaluate_sample
from segstudio.metrics.segment_changes import (
    SAME_BOX,
    change_column,
    matched,
)
from segstudio.metrics.segment_table import SegmentTable

NAMES = ("a", "b", "c")


def table(*found: tuple[str, np.ndarray, np.ndarray]) -> SegmentTable:
    return SegmentTable.of(
        NAMES, [(key, evaluate_sample(truth, said, 3).segments) for key, truth, said in found]
    )


def with_square(x: int, side: int, value: int, base: np.ndarray | None = None) -> np.ndarray:
    mask = np.zeros((20, 60), np.uint8) if base is None else base.copy()
    mask[5 : 5 + side, x : x + side] = value
    return mask


def test_same_class_pair_and_place_is_unchanged_everything_else_is_gone() -> None:
    truth = np.zeros((20, 60), np.uint8)
    before = with_square(40, 6, 2, with_square(20, 6, 1, with_square(2, 8, 1)))
    after = with_square(40, 6, 1, with_square(2, 7, 1))
    first, second = table(("s", truth, before)), table(("s", truth, after))
    in_first, in_second = matched(first, second)
    # The first square stayed (7x7 in 8x8), the second is fixed, the third has another name.
    assert {(int(first.rows.box[n, 0]), bool(in_first[n])) for n in range(3)} == {
        (2, True), (20, False), (40, False),
    }  # fmt: skip
    assert {(int(second.rows.box[n, 0]), bool(in_second[n])) for n in range(2)} == {(2, True), (40, False)}
    column = change_column(in_first, "fixed")
    assert sorted(column.text(n) for n in range(3)) == ["fixed", "fixed", "unchanged"]


def test_samples_of_one_model_alone_are_no_changes() -> None:
    truth, said = np.zeros((20, 60), np.uint8), with_square(2, 8, 1)
    first, second = (
        table(("s", truth, said), ("t", truth, said)),
        table(("t", truth, said), ("u", truth, said)),
    )
    in_first, in_second = matched(first, second)
    assert in_first.all()
    assert in_second.all()
    empty = table()
    assert matched(empty, second)[1].all()
    assert matched(first, empty)[0].all()


@pytest.mark.parametrize("pairs", [1, 3, 1_000_000])
@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_is_what_a_double_loop_finds(seed: int, pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.metrics.segment_changes.PAIRS", pairs)
    random = np.random.default_rng(seed)

    def drawn() -> SegmentTable:
        parts = []
        for key in random.permutation(["p", "q", "r"])[:2]:
            truth = np.kron(random.integers(0, 3, (3, 4)), np.ones((6, 6))).astype(np.uint8)
            said = np.kron(random.integers(0, 3, (3, 4)), np.ones((6, 6))).astype(np.uint8)
            parts.append((str(key), truth, said))
        return table(*parts)

    first, second = drawn(), drawn()
    in_first, in_second = matched(first, second)
    for ours, theirs, found in ((first, second, in_first), (second, first, in_second)):
        for n in range(ours.count):
            assert found[n] == expected(ours, n, theirs)


def expected(ours: SegmentTable, number: int, theirs: SegmentTable) -> bool:
    key = ours.samples[int(ours.sample[number])]
    if key not in theirs.samples:
        return True
    for other in range(theirs.count):
        same = theirs.samples[int(theirs.sample[other])] == key
        for column in ("truth", "predicted"):
            same &= getattr(ours.rows, column)[number] == getattr(theirs.rows, column)[other]
        if same:
            pixels = [np.zeros((40, 80), bool) for _ in range(2)]
            for plane, box in zip(pixels, (ours.rows.box[number], theirs.rows.box[other]), strict=True):
                plane[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = True
            if (pixels[0] & pixels[1]).sum() > SAME_BOX * (pixels[0] | pixels[1]).sum():
                return True
    return False
