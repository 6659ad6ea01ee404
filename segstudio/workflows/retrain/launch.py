"""Starts a process of its own session and ends: what it started outlives whoever asked, however that ends."""

import os
import subprocess
import sys
from pathlib import Path


def launch(output: Path, complaints: Path, command: list[str]) -> int:
    """Starts a command whose output goes to files; returns the number of its process.

    Raises:
        OSError: it cannot be started.
    """
    # On Windows: no console, and not a member of the window's job, which would end with it.
    flags = 0x0000_0008 | 0x0000_0200 | 0x0100_0000 if os.name == "nt" else 0
    with output.open("ab") as said, complaints.open("wb") as complained:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=complained,
            start_new_session=True,
            creationflags=flags,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    # It is nobody's child from here on: there is nothing to wait for.
    child.returncode = 0
    return child.pid


if __name__ == "__main__":
    print(launch(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
