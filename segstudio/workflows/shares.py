"""Divides work on samples among processes of this machine, and brings their results together."""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeAlias, TypeVar

from segstudio.errors import SegstudioError
from segstudio.jobs import JobContext

T = TypeVar("T")
POLL_SECONDS = 0.2
Receiver: TypeAlias = "Connection[Any, Any]"


def in_shares(
    first: Callable[[], T], other: Callable[[int, JobContext], T], count: int, context: JobContext
) -> list[T]:
    """Does the first share here and the others in new processes.

    Args:
        first: the share of rank 0.
        other: called with a rank from 1 on; picklable, as its result is.
        count: how many shares.
        context: the processes end when it is cancelled.

    Returns:
        The results by rank.

    Raises:
        SegstudioError: one of the shares raised it.
        RuntimeError: a process died, or raised anything else, which it has printed.
    """
    spawning = multiprocessing.get_context("spawn")
    children: list[tuple[BaseProcess, Receiver]] = []
    try:
        for rank in range(1, count):
            receiver, sender = spawning.Pipe(duplex=False)
            child: BaseProcess = spawning.Process(target=_run_share, args=(other, rank, sender), daemon=True)
            child.start()
            sender.close()
            children.append((child, receiver))
        return [first(), *_collect(children, context)]
    finally:
        for process, _ in children:
            process.terminate()
            process.join()


def _run_share(other: Callable[[int, JobContext], Any], rank: int, sender: Receiver) -> None:
    # A key press reaches every process of the terminal; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        sender.send((other(rank, JobContext()), None))
    except SegstudioError as error:
        sender.send((None, error))


def _collect(children: Sequence[tuple[BaseProcess, Receiver]], context: JobContext) -> list[Any]:
    results = []
    for child, receiver in children:
        while not receiver.poll(POLL_SECONDS):
            context.check()
        try:
            result, error = receiver.recv()
        except EOFError:
            child.join()
            raise RuntimeError(f"a process ended with {child.exitcode} before it was done") from None
        if error is not None:
            raise error
        results.append(result)
    return results
