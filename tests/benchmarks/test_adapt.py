"""The worst regions are shown with their surroundings, and the script runs on drawn frames."""

import json
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from segstudio import paths
from segstudio.images import read_mask, write_image, write_mask
from segstudio.inference.backend import open_backend
from segstudio.inference.predictor import Predictor
from segstudio.training.spec.studio import CropStage
from segstudio.workflows.adapt.confirmed import confirmed_of
from segstudio.workflows.evaluate import contest_of
from tests.colour_model import PALETTE, TREE, drawn_frame, make_wrong_model

if TYPE_CHECKING:
    from packaging.benchmarks import adapt
else:
    FOLDER = str(Path(__file__).parents[2] / "packaging" / "benchmarks")
    sys.path.append(FOLDER)
    import adapt

    sys.path.remove(FOLDER)


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Twelve frames to learn from, and three to judge by."""
    for split, first, count in (("train", 0, 12), ("val", 20, 3)):
        for number in range(first, first + count):
            image, mask = drawn_frame(number % 20, (72, 96))
            write_image(tmp_path / "images" / split / f"{number}.png", image)
            write_mask(tmp_path / "masks" / split / f"{number}.png", mask, PALETTE.colours())
    return tmp_path


def test_only_what_is_shown_is_confirmed(frames: Path) -> None:
    make_wrong_model(paths.user_models_dir() / "wrong")
    contest = contest_of("wrong", frames / "images" / "train", frames / "masks" / "train", "cityscapes")
    pairs = adapt.drawn_pairs(contest, 0)
    assert len({pair.name for pair in pairs}) == adapt.FRAMES
    opened = open_backend(contest.folder, contest.spec, "onnx")
    masks = adapt.worst_regions(contest, pairs[:2], Predictor(opened, contest.spec))
    opened.close()
    for pair, mask in zip(pairs, masks, strict=False):
        truth = pair.load()[1]
        shown = mask != adapt.IGNORE
        assert np.array_equal(mask[shown], truth[shown])
        assert (mask == TREE).any()
        assert not shown.all()


def test_the_script_prints_its_figures(
    frames: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = make_wrong_model(frames / "wrong")
    words = ["adapt.py", "--frames", str(frames), "--model", str(frames / model.name)]
    monkeypatch.setattr(sys, "argv", [*words, "--palette", "cityscapes", "--draws", "1", "--json"])
    adapt.main()
    values = json.loads(capsys.readouterr().out)
    assert values["miou_after"] > values["miou_before"] + 2
    assert values["worst_class_change"] >= 0
    assert values["seconds"] > 0


def test_fine_tuning_learns_from_the_confirmed_pixels_alone(
    frames: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options = Namespace(frames=frames, model="street-b0", palette="cityscapes")
    samples = []
    for number in range(2):
        mask = read_mask(frames / "masks" / "train" / f"{number}.png")
        mask[:, 48:] = adapt.IGNORE
        samples.append(confirmed_of(mask, frames / "images" / "train" / f"{number}.png", str(number)))
    spec = adapt.fine_tuning_spec(options, samples, tmp_path / "tuning")
    masks = Path(spec.studio.sources[0].masks)
    assert sorted(path.name for path in masks.iterdir()) == ["0.png", "1.png"]
    assert np.array_equal(read_mask(masks / "0.png"), samples[0].mask)
    assert not spec.studio.validation
    # The real one takes seconds a step.
    small = replace(spec, studio=replace(spec.studio, crops=(CropStage(0.0, 64, 64, 2),)))
    monkeypatch.setattr(adapt, "fine_tuning_spec", lambda *_: small)

    def play_export(run: Path, out: Path) -> None:
        """Exports are tested elsewhere, and take seconds too."""
        assert (run / "train" / "latest.safetensors").is_file()
        make_wrong_model(out)

    monkeypatch.setattr(adapt, "export_run", play_export)
    about, miou, classes = adapt.fine_tuned(options, samples, 0.001)
    assert about["steps"] == 1
    assert "seconds" in about
    assert 0 <= miou <= 1
    assert classes
