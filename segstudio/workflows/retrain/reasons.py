"""Why a run ended before its end, in one line, and what to do about it."""

import errno
import re
from dataclasses import dataclass
from pathlib import Path

from segstudio.errors import SegstudioError
from segstudio.workflows.retrain.folder import RunFolder

TAIL_BYTES = 1 << 14
MEMORY_WORDS = re.compile(
    r"out of memory|MemoryError|Cannot allocate memory|can't allocate memory|DefaultCPUAllocator"
    r"|std::bad_alloc|insufficient shared memory",
    re.IGNORECASE,
)
DISK_WORDS = re.compile(r"No space left on device|disk is full|Disk quota exceeded", re.IGNORECASE)
LESS_MEMORY = "choose smaller crops or a smaller batch (studio.crops), or close other programs"
MORE_DISK = "free some space"


@dataclass(frozen=True)
class Reason:
    """One line for the user, what to do, and its kind: memory, disk, input, loss, killed or crash."""

    message: str
    hint: str
    kind: str

    def __str__(self) -> str:
        """Both as one line."""
        return str(SegstudioError(self.message, hint=self.hint))


def goes_on(saved_step: int) -> str:
    """What becomes of the work that was done."""
    if saved_step:
        return f"resuming goes on from its last checkpoint, step {saved_step}"
    return "there is no checkpoint yet: resuming begins anew"


def reason_of(run: RunFolder, saved_step: int) -> Reason:
    """Why a run is gone that left no word of its own: by what it printed last, else it was killed."""
    told = tail(run.complaints)
    if told and MEMORY_WORDS.search(told):
        return Reason("memory ran out", f"{LESS_MEMORY}; {goes_on(saved_step)}", "memory")
    if told and DISK_WORDS.search(told):
        return Reason("the disk is full", f"{MORE_DISK}; {goes_on(saved_step)}", "disk")
    last = told.strip().splitlines()[-1].strip() if told.strip() else ""
    if last and "Traceback" in told:
        return Reason(f"it crashed: {last}", f"see {run.complaints}; {goes_on(saved_step)}", "crash")
    return Reason(
        "its process was killed",
        f"by hand, by a shutdown, or by the system as memory ran out; {goes_on(saved_step)}",
        "killed",
    )


def reason_of_error(error: BaseException, run: RunFolder, saved_step: int) -> Reason:
    """Why an error ended a run."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or MEMORY_WORDS.search(text):
        return Reason("memory ran out", f"{LESS_MEMORY}; {goes_on(saved_step)}", "memory")
    if (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)) or DISK_WORDS.search(
        text
    ):
        return Reason("the disk is full", f"{MORE_DISK}; {goes_on(saved_step)}", "disk")
    if isinstance(error, SegstudioError):
        kind = "loss" if error.message.startswith("the loss is") else "input"
        hint = f"{error.hint}; " if error.hint else ""
        return Reason(error.message, f"{hint}{goes_on(saved_step)}", kind)
    line = " ".join(text.split())
    return Reason(f"it crashed: {line}", f"see {run.complaints}; {goes_on(saved_step)}", "crash")


def tail(path: Path) -> str:
    """The end of a text file; empty without one."""
    try:
        with path.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - TAIL_BYTES))
            return stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
