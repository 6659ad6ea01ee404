"""The headless demo: the whole main job by real events, in a process of its own, with pictures."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from segstudio import images

STEPS = (
    "make the demo project", "open the project", "predict one sample", "correct a region by mouse",
    "paint, undo and redo", "save by itself", "accept a prediction", "evaluate",
)  # fmt: skip
SCREENS = ("editor", "classes", "speed", "runs")
FRACTIONS = ("mask_miou_before", "mask_miou_after", "miou", "macc", "aacc")


def test_the_demo_does_the_main_job_and_shows_it(tmp_path: Path, isolated_home: Path) -> None:
    out = tmp_path / "pictures"
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-m", "segstudio", "demo", "--headless", "--screenshots", str(out)],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["passed"] is True
    assert [step["step"] for step in summary["steps"]] == list(STEPS)
    assert summary["seconds"] == pytest.approx(sum(step["seconds"] for step in summary["steps"]), abs=0.1)
    scores = summary["scores"]
    for name in FRACTIONS:
        assert 0.0 < scores[name] <= 1.0, name
    assert scores["mask_miou_after"] > scores["mask_miou_before"]
    assert scores["samples"] > 0
    assert scores["fps"] > 0
    # The line on standard output is for programs, and says the same.
    assert json.loads(done.stdout.strip().splitlines()[-1])["scores"] == scores
    check_pictures(out, summary["pictures"])
    assert list(isolated_home.iterdir()) == [], "the demo touched the user's own folders"
    assert {path.name for path in tmp_path.iterdir()} == {"pictures"}


def check_pictures(out: Path, names: list[str]) -> None:
    """Every listed picture is there, shows something, and differs from the others; nothing else is there."""
    assert sorted([*names, "summary.json"]) == sorted(path.name for path in out.iterdir())
    for screen in SCREENS:
        assert any(name.endswith(f"-{screen}.png") for name in names)
        assert any(name.endswith(f"-{screen}-dark.png") for name in names)
    seen = {}
    for name in names:
        rgb = images.read_image(out / name)
        assert rgb.shape == (900, 1440, 3)
        assert len(np.unique(rgb.reshape(-1, 3), axis=0)) > 16, f"{name} is blank"
        seen[name] = rgb
    assert len({rgb.tobytes() for rgb in seen.values()}) == len(names), "two screens look the same"
    for screen in SCREENS:
        light = next(rgb for name, rgb in seen.items() if name.endswith(f"-{screen}.png"))
        dark = next(rgb for name, rgb in seen.items() if name.endswith(f"-{screen}-dark.png"))
        assert np.median(light) > 150 or screen == "editor"
        assert np.median(dark) < 100 or screen == "editor"
        assert light.mean() > dark.mean()
