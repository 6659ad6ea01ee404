"""`segstudio project relabel` and `undo-relabel`, from words to files."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from segstudio.annotation.palette import load_palette
from segstudio.cli.main import main
from segstudio.images import read_mask, write_image
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus

PALETTE = load_palette("cityscapes")
BUS, TRAIN, ROAD = PALETTE.index("bus"), PALETTE.index("train"), PALETTE.index("road")


@pytest.fixture
def depot(tmp_path: Path) -> Path:
    """Two samples with a small and a large bus, one of them accepted."""
    root = tmp_path / "depot"
    root.mkdir()
    mask = np.full((16, 20), ROAD, np.uint8)
    mask[1:3, 1:3], mask[5:12, 4:14] = BUS, BUS
    for name in ("a", "b"):
        write_image(root / f"{name}.png", np.zeros((16, 20, 3), np.uint8))
    with Project.open(root) as project:
        for name in ("a", "b"):
            project.save_mask(name, mask)
        project.set_status(["b"], SampleStatus.ACCEPTED)
    return root


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command."""
    monkeypatch.setattr(sys, "argv", ["segstudio", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_it_says_then_does_then_undoes(
    depot: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {name: (depot / "masks" / f"{name}.png").read_bytes() for name in ("a", "b")}
    words = ("project", "relabel", depot, "Bus", "train", "--least", 5, "--json")
    status, out, _ = run(monkeypatch, capsys, *words, "--dry-run")
    told = json.loads(out)
    assert status == 0
    assert (told["dry_run"], told["regions"], told["samples"], told["pixels"]) == (True, 1, 1, 70)
    assert told["left"] == {"b": "it is accepted"}
    assert (depot / "masks" / "a.png").read_bytes() == before["a"]
    status, out, _ = run(monkeypatch, capsys, *words)
    done = json.loads(out)
    assert (status, done["regions"], done["pixels"]) == (0, 1, 70)
    assert done["batch"]
    mask = read_mask(depot / "masks" / "a.png")
    assert (mask == TRAIN).sum() == 70
    assert (mask == BUS).sum() == 4
    status, out, _ = run(monkeypatch, capsys, "project", "undo-relabel", depot, "--json")
    assert (status, json.loads(out)["samples"]) == (0, 1)
    assert {name: (depot / "masks" / f"{name}.png").read_bytes() for name in before} == before
    status, _, err = run(monkeypatch, capsys, "project", "undo-relabel", depot)
    assert status == 2
    assert "there is no batch to undo" in err


def test_accepted_samples_when_asked(
    depot: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(monkeypatch, capsys, "project", "relabel", depot, "bus", "train", "--accepted")
    assert status == 0
    assert "samples: 2" in out
    assert (read_mask(depot / "masks" / "b.png") == BUS).sum() == 0


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("bus", "tram"), "no class 'tram'"),
        (("bus", "bus"), "bus is bus already"),
        (("bus", "train", "--in", "image"), "regions in 'image'"),
        (("bus", "train", "--least", "0"), "areas are pixels"),
        (("bus", "train", "--touching", "cloud"), "no class 'cloud'"),
    ],
)
def test_what_cannot_be_is_one_clear_line(
    depot: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    reason: str,
) -> None:
    status, _, err = run(monkeypatch, capsys, "project", "relabel", depot, *words)
    assert status == 2
    assert reason in err
    assert len(err.strip().splitlines()) == 1
