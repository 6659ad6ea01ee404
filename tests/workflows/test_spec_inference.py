"""The task inference: what it writes, what it keeps, what it protects."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from segstudio.annotation.palette import load_palette
from segstudio.errors import Cancelled, InputError, SpecError
from segstudio.images import read_image, read_mask, write_image
from segstudio.inference.spec import ResizeRule
from segstudio.jobs import JobContext
from segstudio.networks.segformer import SegFormer
from segstudio.training.segment import Segmenter
from segstudio.workflows.spec_inference import infer
from tests.workflows.spec_samples import COUNT, street_spec, write_network, write_streets

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_streets(tmp_path)
    return tmp_path


@pytest.fixture
def network(root: Path) -> SegFormer:
    return write_network(root / "net.safetensors")


def test_ids_colours_and_overlays_at_the_images_own_size(root: Path, network: SegFormer) -> None:
    (root / "images/val/broken.png").write_bytes(b"no image")
    result = infer(street_spec(root), notes=("a note of the loader",))
    out = root / "out" / "inference"
    colours = load_palette("cityscapes").colours()
    segmenter = Segmenter(network, torch.device("cpu"), ResizeRule("short_side", 64), *IMAGENET)
    seen = set()
    for number in range(COUNT):
        image = read_image(root / f"images/val/street{number}.png")
        ids = read_mask(out / f"ids/street{number}.png")
        assert np.array_equal(ids, segmenter.ids(image))
        assert np.array_equal(read_image(out / f"color/street{number}.png"), colours[ids])
        overlay = read_image(out / f"overlay/street{number}.jpg").astype(int)
        assert np.abs(overlay - (image.astype(int) + colours[ids]) // 2).mean() < 8
        seen |= set(np.unique(ids))
    assert len(seen) > 2
    assert json.loads((out / "classes.json").read_text())[0] == {
        "id": 0, "name": "road", "rgb": [128, 64, 128]
    }  # fmt: skip
    assert load_palette(out / "palette.yaml").names == load_palette("cityscapes").names
    values = json.loads((out / "results.json").read_text())
    assert values == result.to_json()
    assert (values["images"], values["resumed"], values["device"]) == (COUNT, 0, "cpu")
    assert [Path(entry["path"]).name for entry in values["skipped"]] == ["broken.png"]
    assert "a note of the loader" in values["notes"]


def test_finished_images_are_kept_until_something_changes(root: Path, network: SegFormer) -> None:
    assert infer(street_spec(root)).predicted.images == COUNT
    assert infer(street_spec(root)).predicted.resumed == COUNT
    (root / "out/inference/ids/street1.png").unlink()
    again = infer(street_spec(root)).predicted
    assert (again.images, again.resumed) == (1, COUNT - 1)
    assert infer(street_spec(root, studio={"evaluation": {"flip": True}})).predicted.images == COUNT
    write_network(root / "net.safetensors", seed=9)
    assert infer(street_spec(root, studio={"evaluation": {"flip": True}})).predicted.images == COUNT


def test_the_names_of_tao(root: Path, network: SegFormer) -> None:
    infer(street_spec(root, studio={"inference": {"tao_names": True, "save": ["ids", "confidence"]}}))
    out = root / "out/inference"
    ids = read_mask(out / "ids/street0.png")
    assert np.array_equal(read_mask(out / "mask_tao/street0.png"), ids)
    coloured = load_palette("cityscapes").colours()[ids]
    assert np.array_equal(read_image(out / "street0.png"), coloured)
    pair = read_image(out / "combined_visualisation/street0.png")
    assert pair.shape == (64, 72 + 10 + 72, 3)
    assert np.array_equal(pair[:, :72], read_image(root / "images/val/street0.png"))
    assert not pair[:, 72:82].any()
    assert np.array_equal(pair[:, 82:], coloured)
    with Image.open(out / "vis_tao/street0.jpg") as overlay:
        assert overlay.size == (72, 64)
    assert read_mask(out / "confidence/street0.png").max() > 0
    assert not (out / "color").exists()


def test_two_processes_write_what_one_writes(root: Path, network: SegFormer) -> None:
    infer(street_spec(root))
    shared = infer(street_spec(root, inference={"num_gpus": 2, "results_dir": str(root / "shared")}))
    assert shared.predicted.images == COUNT
    for number in range(COUNT):
        name = f"ids/street{number}.png"
        assert (root / "shared" / name).read_bytes() == (root / "out/inference" / name).read_bytes()


def test_images_of_one_name_in_several_folders(root: Path, network: SegFormer, tmp_path: Path) -> None:
    image = read_image(root / "images/val/street0.png")
    for name in ("day/a.png", "night/a.png", "night/a.bmp"):
        write_image(tmp_path / "more" / name, image)
    spec = street_spec(root, studio={"predict": [{"images": str(tmp_path / "more")}]})
    assert infer(spec).predicted.images == 3
    written = {path.relative_to(root / "out/inference/ids") for path in (root / "out").rglob("ids/**/*.png")}
    assert len(written) == 3
    assert {Path("day/a.png"), Path("night/a.png")} < written


def test_images_are_never_overwritten(root: Path, network: SegFormer) -> None:
    spec = street_spec(
        root,
        inference={"results_dir": str(root / "images/val")},
        studio={"inference": {"tao_names": True}},
    )
    before = (root / "images/val/street0.png").read_bytes()
    with pytest.raises(InputError, match="would overwrite"):
        infer(spec)
    assert (root / "images/val/street0.png").read_bytes() == before


def test_engines_and_machines_that_cannot_be_served(root: Path, network: SegFormer) -> None:
    with pytest.raises(SpecError, match=r"inference\.trt_engine is set"):
        infer(street_spec(root, inference={"trt_engine": "b0.engine", "checkpoint": ""}))
    result = infer(street_spec(root, inference={"trt_engine": "b0.engine"}))
    assert any("inference.checkpoint is used" in note for note in result.notes)
    with pytest.raises(SpecError, match="num_nodes is 2"):
        infer(street_spec(root, inference={"num_nodes": 2}))


def test_cancelling_keeps_what_is_finished(root: Path, network: SegFormer) -> None:
    # Many more than are read ahead and written behind, so that some are left whatever is how fast.
    count = 60
    for number in range(COUNT, count):
        shutil.copy(root / "images/val/street0.png", root / f"images/val/street{number}.png")
    context = JobContext(lambda done, total, text: context.cancel() if done >= 1 else None)
    with pytest.raises(Cancelled):
        infer(street_spec(root), context)
    left = count - len(list((root / "out/inference/ids").glob("*.png")))
    assert 0 < left < count
    assert infer(street_spec(root)).predicted.images == left
