"""Killed at any moment of a session with many tools: no file is damaged, and at most one stroke is lost.

The sessions need no window: what is tested is what the documents, the journal, the project and the versions
leave on the disk, and the same Session drives them as in the window (`test_kill.py` kills real windows). A
few kills are part of the suite; a thousand: `pytest -m slow tests/e2e/window/test_kill_many.py -rP`.
"""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segstudio import images
from segstudio.annotation.journal import checksum, read_journal
from segstudio.annotation.palette import load_palette
from segstudio.project.project import Project
from segstudio.project.versions import INDEX
from tests.e2e.window.kill_story import Story

RUNNER = Path(__file__).with_name("kill_runner.py")
KEYS = ("a", "b", "c")
SHAPE = (64, 64)
FEW, MANY = 6, 1000
EMPTY = np.full(SHAPE, 255, np.uint8)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system forks no processes")


@dataclass
class Tally:
    """What many kills came to."""

    kills: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    recovered: int = 0
    steps_lost: int = 0
    versions: int = 0
    half_files: int = 0


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """A project of three samples, two with masks, two with predictions; and the checksums of its masks."""
    root = tmp_path_factory.mktemp("template") / "street"
    root.mkdir()
    palette, crcs = load_palette("cityscapes"), {}
    for number, key in enumerate(KEYS):
        random = np.random.default_rng(number)
        images.write_image(root / f"{key}.png", random.integers(0, 256, (*SHAPE, 3), np.uint8))
        blocks = random.integers(0, 19, (8, 8), np.uint8)
        mask = np.kron(blocks, np.ones((8, 8), np.uint8)) if number < 2 else EMPTY
        if number < 2:
            images.write_mask(root / "masks" / f"{key}.png", mask, palette.colours())
        crcs[key] = checksum(mask)
    with Project.open(root, palette="cityscapes") as project:
        for number, key in enumerate(KEYS[1:]):
            ids = np.kron(
                np.random.default_rng(9 + number).integers(0, 19, (4, 4), np.uint8),
                np.ones((16, 16), np.uint8),
            )
            project.save_prediction(key, ids, np.full(SHAPE, 200, np.uint8), "street-b0")
    return root, crcs


@pytest.fixture(scope="module")
def runner() -> Iterator[subprocess.Popen[str]]:
    """The process that forks and kills."""
    process = subprocess.Popen(
        [sys.executable, str(RUNNER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "QT_QPA_PLATFORM": "offscreen"},
    )
    yield process
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.wait(120)
    process.stdout.close()


def kill_once(
    runner: "subprocess.Popen[str]",
    template: tuple[Path, dict[str, int]],
    root: Path,
    seed: int,
    tally: Tally,
) -> None:
    """One session on a fresh copy, one kill, all checks."""
    shutil.copytree(template[0], root)
    assert runner.stdin is not None
    assert runner.stdout is not None
    runner.stdin.write(f"{root} {seed}\n")
    runner.stdin.flush()
    lines: list[list[str]] = json.loads(runner.stdout.readline())
    assert not [line for line in lines if line[0] == "error"], lines[-1]
    stories = {key: Story(crc, empty=checksum(EMPTY)) for key, crc in template[1].items()}
    for kind, key, value in lines:
        if kind == "about":
            stories[key].about = int(value)
        elif kind == "done":
            assert stories[key].about == int(value), "the child's own reckoning is wrong"
            stories[key].final.append(int(value))
            stories[key].about = None
        else:
            tally.steps[key] += 1
    tally.kills += 1
    tally.ends[next((line[1] for line in reversed(lines) if line[0] == "does"), "opening")] += 1
    check_files(root, stories, tally)
    check_recovery(root, stories, tally)
    shutil.rmtree(root)


def mask_crc(root: Path, key: str) -> int:
    path = root / "masks" / f"{key}.png"
    return checksum(images.read_mask(path) if path.exists() else EMPTY)


def check_files(root: Path, stories: dict[str, Story], tally: Tally) -> None:
    """As the kill left them: masks and versions are states that were, nothing is a mixture."""
    facts = root / ".segstudio"
    tally.half_files += len(list((root / "masks").glob(".*"))) + len(list(facts.rglob(".*.part")))
    for key, story in stories.items():
        assert mask_crc(root, key) in story.all, f"{key} is a mixture"
        folder = facts / "versions" / key
        for path in folder.glob("[!.]*.png"):
            assert checksum(images.read_mask(path)) in story.all, f"version {path.name} of {key} is a mixture"
            tally.versions += 1
        check_index(folder)
    with contextlib.closing(sqlite3.connect(facts / "project.db")) as database:
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)]
    for path in facts.rglob("*.journal"):
        content = read_journal(path)
        assert content is not None or path.stat().st_size < 16, f"{path.name} cannot be read"


def check_index(folder: Path) -> None:
    """Every whole line names a file that is there."""
    index = folder / INDEX
    lines = index.read_bytes().split(b"\n") if index.exists() else []
    for number, line in enumerate(lines):
        try:
            values: dict[str, Any] = json.loads(line or b"{}")
        except ValueError:
            assert number == len(lines) - 1, "a line in the middle is torn"
            continue
        assert not values or (folder / values["file"]).is_file()


def check_recovery(root: Path, stories: dict[str, Story], tally: Tally) -> None:
    """The next start brings back every step but, at most, the one under way."""
    with Project.open(root, editor=True) as project:
        assert project.warnings == []
        pending = project.recovery.pending()
        for key, story in stories.items():
            crc = checksum(project.recovery.mask(key)) if key in pending else mask_crc(root, key)
            assert crc in story.newest, f"steps of {key} are lost"
            tally.steps_lost += story.about is not None and crc != story.about
            for version in project.versions(key):
                project.load_version(key, version.id)
        tally.recovered += len(pending)


@pytest.mark.parametrize("seed", range(FEW))
def test_a_kill_costs_at_most_one_step(
    runner: "subprocess.Popen[str]", template: tuple[Path, dict[str, int]], tmp_path: Path, seed: int
) -> None:
    kill_once(runner, template, tmp_path / "street", seed, Tally())


@pytest.mark.slow
def test_a_thousand_kills(
    runner: "subprocess.Popen[str]", template: tuple[Path, dict[str, int]], tmp_path: Path
) -> None:
    tally, begun = Tally(), time.monotonic()
    for seed in range(1000, 1000 + MANY):
        try:
            kill_once(runner, template, tmp_path / "street", seed, tally)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    print(f"{tally} in {time.monotonic() - begun:.0f} s")
    assert tally.kills == MANY
    assert tally.steps_lost <= MANY
