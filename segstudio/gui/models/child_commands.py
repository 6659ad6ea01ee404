"""Runs segstudio's own commands as child processes of the window, and says their ends in its words."""

import logging
import sys
from collections.abc import Sequence
from typing import Any

from segstudio.errors import SegstudioError
from segstudio.jobs import ChildFailedError, JobContext, run_child

LOG = logging.getLogger(__name__)


def command(*arguments: str) -> list[str]:
    """The command line of a child process that runs a command of segstudio."""
    return [sys.executable, "-m", "segstudio", *arguments]


def result_of(words: Sequence[str], context: JobContext) -> dict[str, Any]:
    """The result that a command line prints as its last line.

    Raises:
        SegstudioError: the command's own one line, for bad input.
        RuntimeError: it crashed; what it printed is in the log.
        Cancelled: the context was cancelled.
    """
    try:
        result = run_child(list(words), context)
    except ChildFailedError as error:
        LOG.error("%s: %s", " ".join(words), error)
        # What the child printed is no headline.
        raise RuntimeError(f"the process ended with {error.code}") from error
    if not isinstance(result, dict):
        raise RuntimeError("the process ended without a result")
    return result


def in_window(error: SegstudioError) -> SegstudioError:
    """A child's one line as message and hint, without what only the command line can do."""
    if error.hint:
        return error
    first, *others = error.message.removeprefix("segstudio: ").split(". ")
    hints = [other for other in others if "--" not in other]
    return SegstudioError(first.rstrip("."), hint=". ".join(hints))
