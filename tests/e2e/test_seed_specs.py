"""TAO's two example specs as a user of TAO runs them: grey cells with two classes, land cover with six."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.cli import main as cli
from segstudio.images import write_image

SPECS = Path(__file__).parents[1] / "training" / "spec" / "specs"
LAND = ((0, 255, 255), (255, 255, 0), (255, 0, 255), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0))


def blobs(seed: int, side: int, kinds: int) -> NDArray[np.intp]:
    """Smooth areas of `kinds` kinds, all of about equal size."""
    noise = np.random.default_rng(seed).random((side, side)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), side / 20)
    return np.digitize(smooth, np.quantile(smooth, np.linspace(0, 1, kinds + 1)[1:-1]))


def write_cells(root: Path, side: int) -> None:
    """Grey images, masks of 0 and 255."""
    for number in range(6):
        split, areas = ("val" if number > 3 else "train"), blobs(number, side, 2)
        write_image(root / "images" / split / f"{number}.png", (60 + 120 * areas).astype(np.uint8))
        write_image(root / "masks" / split / f"{number}.png", (255 * areas).astype(np.uint8))


def write_land(root: Path, side: int) -> None:
    """Colour images, masks in the classes' colours; black is unknown."""
    for number in range(6):
        split, areas = ("val" if number > 3 else "train"), blobs(number, side, len(LAND))
        colours = np.array(LAND, np.uint8)[areas]
        write_image(root / "images" / split / f"{number}.jpg", colours // 2 + 40)
        write_image(root / "masks" / split / f"{number}.png", colours)


def run(arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["segstudio", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code


CELLS = (
    "dataset.data_root={root}",
    "train.max_iters=2",
    "train.validation_interval=2",
    "train.checkpoint_interval=2",
    "studio.accelerator=cpu",
    "studio.threads=1",
)
COVER = (
    "dataset.segment.root_dir={root}",
    "model.backbone.pretrained_backbone_path=null",
    "train.num_epochs=1",
    "train.checkpoint_interval=1",
    "studio.accelerator=cpu",
)
SMALL_CELLS = ("model.backbone.type=mit_b0", "model.input_height=64", "model.input_width=64")
SMALL_COVER = (
    "model.backbone.type=mit_b0",
    "dataset.segment.img_size=64",
    "dataset.segment.batch_size=2",
    "studio.threads=1",
)


@pytest.mark.parametrize(
    ("spec", "changes", "side", "ignored"),
    [
        pytest.param("isbi_old", (*CELLS, *SMALL_CELLS), 64, 0, id="cells"),
        pytest.param("land_cover", (*COVER, *SMALL_COVER), 64, 1, id="land"),
        pytest.param("isbi_old", CELLS, 512, 0, id="cells as written", marks=pytest.mark.slow),
        # The batch of 32 takes more memory than many machines have; all else is as it is written.
        pytest.param(
            "land_cover", (*COVER, "dataset.segment.batch_size=2"), 224, 1, id="land as written",
            marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_trains_and_evaluates(
    spec: str,
    changes: tuple[str, ...],
    side: int,
    ignored: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    write = write_cells if spec == "isbi_old" else write_land
    write(tmp_path / "frames", side)
    common = [
        "-e", str(SPECS / f"{spec}.yaml"), f"results_dir={tmp_path / 'run'}",
        *(change.format(root=tmp_path / "frames") for change in changes),
    ]  # fmt: skip
    run(["train", *common, "--json"], monkeypatch)
    said = capfd.readouterr()
    trained = json.loads(said.out)
    assert trained["steps"] == 2
    assert 0 < trained["miou"] <= 1
    assert ("masks are read as binary" in said.err) == (spec == "isbi_old")
    run(["evaluate", *common, "--json"], monkeypatch)
    scored = json.loads(capfd.readouterr().out)
    assert scored["miou"] == pytest.approx(trained["miou"], abs=1e-6)
    names = ["foreground", "background"]
    if ignored:
        names = ["urban", "agriculture", "rangeland", "forest", "water", "barren"]
    assert list(scored["per_class"]) == names
    # What is unknown counts nowhere.
    counted = sum(entry["pixels"] for entry in scored["per_class"].values())
    assert counted == pytest.approx(2 * side * side * (6 / 7 if ignored else 1), rel=0.01)
