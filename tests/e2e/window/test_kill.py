"""Killed without warning in mid-stroke: no file is damaged, and at most the current stroke is lost.

Five kills are part of the suite; fifty: `pytest -m slow tests/e2e/window/test_kill.py`.
"""

import contextlib
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from segstudio import images
from segstudio.annotation.journal import checksum, read_journal
from segstudio.annotation.palette import load_palette
from segstudio.gui.dialogs.recovery import RecoveryDialog
from tests.e2e.window.kill_story import Story
from tests.gui.conftest import Studio

CHILD = Path(__file__).with_name("kill_child.py")
WIDTH, HEIGHT = 320, 240
KEYS = ("a", "b", "c")
FEW, MANY = 5, 50
DEADLINE_S = 180.0


def first_mask(number: int) -> NDArray[np.uint8]:
    """Classes in blocks."""
    blocks = np.random.default_rng(number).integers(0, 19, (HEIGHT // 8, WIDTH // 8), np.uint8)
    return np.kron(blocks, np.ones((8, 8), np.uint8)).astype(np.uint8)


def make_project(root: Path) -> dict[str, Story]:
    """Three images, two of them with masks."""
    palette, stories = load_palette("cityscapes"), {}
    for number, key in enumerate(KEYS):
        rgb = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        images.write_image(root / f"{key}.png", rgb)
        mask = first_mask(number) if number < 2 else np.full((HEIGHT, WIDTH), 255, np.uint8)
        if number < 2:
            images.write_mask(root / "masks" / f"{key}.png", mask, palette.colours())
        stories[key] = Story(checksum(mask))
    return stories


def paint_until_killed(root: Path, seed: int, errors: Path) -> list[list[str]]:
    """Lets the child paint, kills it at a moment in a stroke that the seed chooses; returns its lines."""
    random = np.random.default_rng(seed)
    stroke, move = int(random.integers(3, 60)), int(random.integers(0, 6))
    # The child paints on while the parent waits, so the end falls anywhere: pixels, journal, save, database.
    delay = float(random.uniform(0.0, 0.004))
    lines: list[list[str]] = []
    deadline = time.monotonic() + DEADLINE_S
    with errors.open("wb") as stderr:
        child = subprocess.Popen(
            [sys.executable, str(CHILD), str(root), str(seed)], stdout=subprocess.PIPE, stderr=stderr
        )
    try:
        assert child.stdout is not None
        moves = 0
        for line in child.stdout:
            lines.append(line.decode().split())
            assert time.monotonic() < deadline, "the child paints too slowly"
            if lines[-1][0] in ("press", "move") and int(lines[-1][2]) == stroke:
                moves += 1
                if moves > move:
                    break
        else:
            pytest.fail(f"the child ended by itself: {errors.read_text(encoding='utf-8')[-2000:]}")
        moment = time.perf_counter() + delay
        while time.perf_counter() < moment:
            pass
        child.kill()
        lines += [line.decode().split() for line in child.stdout.readlines()]
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
    return lines


def tell(stories: dict[str, Story], lines: list[list[str]]) -> None:
    """Enters what the child said into the stories."""
    for kind, key, value in lines:
        if kind == "about":
            stories[key].about = int(value)
        elif kind == "done":
            assert stories[key].about == int(value), "the child's own reckoning is wrong"
            stories[key].final.append(int(value))
            stories[key].about = None


def mask_crc(root: Path, key: str) -> int:
    """Checksum of a mask file, or of an unlabelled mask where there is none."""
    path = root / "masks" / f"{key}.png"
    return checksum(images.read_mask(path) if path.exists() else np.full((HEIGHT, WIDTH), 255, np.uint8))


def check_files(root: Path, stories: dict[str, Story]) -> None:
    """As the kill left them, before anybody repairs anything."""
    for path in (root / "masks").glob("[!.]*"):
        assert checksum(images.read_mask(path)) in stories[path.stem].all, f"{path.name} is a mixture"
    assert (root / "masks" / "a.png").exists()
    assert (root / "masks" / "b.png").exists()
    with contextlib.closing(sqlite3.connect(root / ".segstudio" / "project.db")) as database:
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert database.execute("select count(*) from sqlite_master").fetchone()[0] > 0
    for path in (root / ".segstudio" / "versions").rglob("[!.]*.png"):
        known = stories[path.parent.name].all | {checksum(np.full((HEIGHT, WIDTH), 255, np.uint8))}
        assert checksum(images.read_mask(path)) in known, f"version {path.name} is a mixture"
    for path in (root / ".segstudio").rglob("*.journal"):
        content = read_journal(path)
        assert content is not None or path.stat().st_size < 16, f"{path.name} cannot be read"
        assert content is None or (content.width, content.height) == (WIDTH, HEIGHT)


def check_recovery(studio: Studio, root: Path, stories: dict[str, Story]) -> int:
    """A window on the project offers what is missing and brings it back; returns how many samples."""
    lost = {key for key in KEYS if mask_crc(root, key) not in stories[key].newest}
    studio.session.open_project(root)
    studio.wait(lambda: studio.session.project is not None and studio.session.current is not None)
    studio.settle()
    project = studio.session.project
    assert project is not None
    assert project.warnings == []
    dialog = studio.window.findChild(RecoveryDialog)
    offered = set(dialog.boxes) if dialog is not None else set()
    assert lost <= offered, f"edits of {lost - offered} are not offered"
    if dialog is not None:
        QTest.mouseClick(dialog.recover_button, Qt.MouseButton.LeftButton)
        studio.wait(lambda: any(f"Recovered {len(offered)}" in text for text in studio.messages()))
        studio.settle()
    for key in KEYS:
        assert mask_crc(root, key) in stories[key].newest, f"strokes of {key} are lost"
    assert project.recovery.pending() == []
    assert studio.session.entry is not None
    assert checksum(studio.mask()) in stories[str(studio.session.current)].newest
    return len(lost)


def kill_and_recover(studio: Studio, tmp_path: Path, seed: int) -> None:
    """One kill, all checks; says how it went (`pytest -rP` shows it)."""
    root = tmp_path / "street"
    root.mkdir()
    stories = make_project(root)
    lines = paint_until_killed(root, seed, tmp_path / "stderr.txt")
    tell(stories, lines)
    assert any(story.final for story in stories.values())
    check_files(root, stories)
    edits = sum(len(story.final) for story in stories.values())
    half = len(list((root / "masks").glob(".*")))
    lost = check_recovery(studio, root, stories)
    print(
        f"{edits} edits, killed after {lines[-1][0]!r}: {half} half written files, {lost} samples recovered"
    )


@pytest.mark.parametrize("seed", range(FEW))
def test_a_kill_costs_at_most_the_current_stroke(studio: Studio, tmp_path: Path, seed: int) -> None:
    kill_and_recover(studio, tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1000 + MANY))
def test_fifty_kills(studio: Studio, tmp_path: Path, seed: int) -> None:
    kill_and_recover(studio, tmp_path, seed)
