"""Work in several processes: results by rank, errors of any share, an end without leftovers."""

import multiprocessing
import os
import time

import pytest

from segstudio.errors import Cancelled, ModelError
from segstudio.jobs import JobContext
from segstudio.workflows.shares import in_shares


def twice(rank: int, context: JobContext) -> tuple[int, int]:
    return 2 * rank, os.getpid()


def refuse(rank: int, context: JobContext) -> tuple[int, int]:
    raise ModelError("no weights", hint="train first")


def die(rank: int, context: JobContext) -> tuple[int, int]:
    os._exit(3)


def dawdle(rank: int, context: JobContext) -> tuple[int, int]:
    time.sleep(60)
    return 0, 0


def first() -> tuple[int, int]:
    return 0, os.getpid()


def test_shares_run_in_processes_of_their_own() -> None:
    results = in_shares(first, twice, 3, JobContext())
    assert [value for value, _ in results] == [0, 2, 4]
    assert results[0][1] == os.getpid()
    assert len({process for _, process in results}) == 3
    assert in_shares(first, die, 1, JobContext()) == [(0, os.getpid())]


def test_an_error_of_another_process_is_that_of_the_work() -> None:
    with pytest.raises(ModelError, match="no weights") as caught:
        in_shares(first, refuse, 2, JobContext())
    assert caught.value.hint == "train first"


def test_a_process_that_dies_is_a_bug() -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        in_shares(first, die, 2, JobContext())


def test_a_cancelled_work_leaves_no_process_behind() -> None:
    context = JobContext()
    context.cancel()
    with pytest.raises(Cancelled):
        in_shares(first, dawdle, 2, context)
    assert not multiprocessing.active_children()
