"""Kills scripted sessions at chosen moments, many a minute: all is imported once, each child is forked.

Usage: python kill_runner.py. A line `ROOT SEED` on standard input makes a child work on the project ROOT
until it is killed; the answer is one line of JSON, the list of what the child told (see `kill_session`).
Works where processes can be forked.
"""

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

import numpy as np

from tests.e2e.window.kill_session import play

DEADLINE_S = 180.0
# Moments of the child's story after which the end may come.
LEAST, MOST = 4, 90
LONGEST_DELAY_S = 0.006


def fork_child(root: Path, seed: int) -> tuple[int, int]:
    """(process, end of the pipe that it tells its story to)."""
    source, target = os.pipe()
    process = os.fork()
    if process:
        os.close(target)
        return process, source
    try:
        os.close(source)
        os.dup2(target, 1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        play(root, seed)
    finally:
        # It works until it is killed; whatever ends it sooner goes to the log of the test.
        traceback.print_exc()
        os._exit(1)


def watch_and_kill(process: int, source: int, seed: int) -> list[list[str]]:
    """Reads the story up to a moment of the seed's choice, waits a random while, then kills the child."""
    random = np.random.default_rng(seed)
    moments = int(random.integers(LEAST, MOST))
    delay = float(random.uniform(0.0, LONGEST_DELAY_S))
    deadline = time.monotonic() + DEADLINE_S
    text = b""
    while text.count(b"\n") < moments and time.monotonic() < deadline:
        part = os.read(source, 65536)
        if not part:
            break
        text += part
    moment = time.perf_counter() + delay
    while time.perf_counter() < moment:
        pass
    os.kill(process, signal.SIGKILL)
    while part := os.read(source, 65536):
        text += part
    os.close(source)
    _, status = os.waitpid(process, 0)
    if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
        return [["error", "it", "ended"]]
    return [line.split() for line in text.decode().splitlines()]


def main() -> None:
    """Serves until its input ends."""
    for line in sys.stdin:
        root, seed = line.rsplit(maxsplit=1)
        process, source = fork_child(Path(root), int(seed))
        print(json.dumps(watch_and_kill(process, source, int(seed))), flush=True)


if __name__ == "__main__":
    main()
