"""Stages that overlap: order, several workers, errors and an early end, without threads left behind."""

import threading
from collections.abc import Iterator

import pytest

from segstudio.workflows.flow import Budget, Flow


def same(number: int) -> int:
    return number


def running() -> set[threading.Thread]:
    return set(threading.enumerate())


def test_items_pass_all_stages_in_order() -> None:
    before = running()
    with Flow() as flow:
        doubled = flow.stage(range(50), lambda number: number * 2)
        assert list(flow.stage(doubled, lambda number: f"<{number}>")) == [f"<{2 * n}>" for n in range(50)]
    assert running() == before


def test_none_is_left_out() -> None:
    with Flow() as flow:
        assert list(flow.stage(range(10), lambda number: number if number % 3 else None)) == [
            1,
            2,
            4,
            5,
            7,
            8,
        ]


def test_workers_of_one_stage_work_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=60)

    def meet(number: int) -> int:
        both.wait()
        return number

    with Flow() as flow:
        assert sorted(flow.stage(range(8), meet, workers=2)) == list(range(8))


def test_stages_overlap() -> None:
    """The first one cannot get on before the second has had its item, and the other way round."""
    had = [threading.Event() for _ in range(5)]

    def first(number: int) -> int:
        assert number == 0 or had[number - 1].wait(60)
        return number

    def second(number: int) -> int:
        had[number].set()
        return number

    with Flow() as flow:
        assert list(flow.stage(flow.stage(range(5), first), second)) == list(range(5))


def test_few_items_wait() -> None:
    made: list[int] = []

    def note(number: int) -> int:
        made.append(number)
        return number

    with Flow(length=2) as flow:
        items = flow.stage(range(100), note)
        assert next(items) == 0
        # One taken, two that wait, one that finds no room, one more by the time between.
        assert len(made) <= 5


@pytest.mark.parametrize("stage", [0, 1])
@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_ends_all_stages_and_is_raised(stage: int, workers: int) -> None:
    before = running()

    def fail(number: int) -> int:
        if number == 5:
            raise OSError("no room")
        return number

    first, second = (fail, same) if stage == 0 else (same, fail)
    with pytest.raises(OSError, match="no room"), Flow() as flow:
        list(flow.stage(flow.stage(range(1000), first, workers), second, workers))
    assert running() == before


def test_an_error_of_the_items_is_raised() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("torn")

    with pytest.raises(ValueError, match="torn"), Flow() as flow:
        list(flow.stage(items(), same))


def test_leaving_early_ends_the_threads() -> None:
    before = running()
    with Flow() as flow:
        for number in flow.stage(flow.stage(range(10**9), same), same, workers=2):
            if number >= 3:
                break
    assert flow.stopped()
    assert running() == before


def test_the_blocks_own_error_counts() -> None:
    def fail(number: int) -> int:
        raise OSError(str(number))

    def spoil() -> None:
        with Flow() as flow:
            assert not list(flow.stage(range(10), fail))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        spoil()


def test_a_budget_lets_in_what_fits_and_one_that_is_too_large_alone() -> None:
    budget, order = Budget(10), []
    budget.take(25, lambda: False)

    def wait() -> None:
        budget.take(4, lambda: False)
        order.append("in")

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join(0.2)
    assert not order
    budget.give_back(25)
    thread.join(60)
    assert order == ["in"]
    budget.take(6, lambda: False)
    # Full, and all is stopped.
    budget.take(5, lambda: True)
