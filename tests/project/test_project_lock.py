"""The editor's lock: who holds it is told, and nobody dead does."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from segstudio.project.lock import FILE, ProjectLocked
from segstudio.project.project import Project
from tests.project.conftest import MakeFrames, OpenProject

HOLDER = """
import sys
from pathlib import Path
from segstudio.project.project import Project
project = Project.open(Path(sys.argv[1]), editor=True)
print("open", flush=True)
sys.stdin.read()
"""


def lock_file(root: Path) -> Path:
    return root / ".segstudio" / FILE


def test_a_second_editor_is_told_who_edits_and_a_reader_is_not_stopped(
    make_frames: MakeFrames, open_project: OpenProject
) -> None:
    root = make_frames()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(ProjectLocked, match=socket.gethostname()) as caught:
            Project.open(root, editor=True)
        assert str(lock_file(root)) in caught.value.hint
        assert len(open_project(root).samples()) == 3
        assert lock_file(root).exists()
    finally:
        holder.kill()
        holder.communicate()
    # It was killed, so its lock is still there and counts for nothing.
    assert lock_file(root).exists()
    Project.open(root, editor=True).close()
    assert not lock_file(root).exists()


def test_opening_again_in_the_same_window_takes_over(
    make_frames: MakeFrames, open_project: OpenProject
) -> None:
    root = make_frames()
    first = open_project(root, editor=True)
    second = open_project(root, editor=True)
    first.close()
    assert lock_file(root).exists()
    second.close()
    assert not lock_file(root).exists()


def test_another_machine_is_believed_and_another_birth_is_not(
    make_frames: MakeFrames, open_project: OpenProject
) -> None:
    root = make_frames()
    open_project(root, editor=True)
    values = json.loads(lock_file(root).read_text(encoding="utf-8"))
    assert values["pid"] == os.getpid()
    lock_file(root).write_text(json.dumps(values | {"host": "elsewhere", "user": "bert"}), encoding="utf-8")
    with pytest.raises(ProjectLocked, match="bert on elsewhere has this project open since 20"):
        Project.open(root, editor=True)
    if not values["born"]:
        pytest.skip("this system does not tell when a process began")
    # The parent of the tests lives, but is not the process that took the lock under this number.
    lock_file(root).write_text(json.dumps(values | {"pid": os.getppid(), "born": "1"}), encoding="utf-8")
    open_project(root, editor=True)


def test_a_damaged_lock_counts_for_nothing(make_frames: MakeFrames, open_project: OpenProject) -> None:
    root = make_frames()
    open_project(root)
    lock_file(root).write_text("[1", encoding="utf-8")
    open_project(root, editor=True)
    assert json.loads(lock_file(root).read_text(encoding="utf-8"))["host"] == socket.gethostname()
