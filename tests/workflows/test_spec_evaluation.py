"""The task evaluate: the same scores as a plain loop, whatever it is divided among, and what it writes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from segstudio.annotation.palette import load_palette, mapping
from segstudio.corruptions.corrupt import corrupt
from segstudio.errors import Cancelled, ModelError, SpecError
from segstudio.images import read_image, read_mask, write_mask
from segstudio.inference.spec import ResizeRule
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import count_confusion, scores
from segstudio.metrics.evaluation import load_evaluation
from segstudio.networks.segformer import SegFormer
from segstudio.training.segment import Segmenter
from segstudio.training.spec.load import load_spec
from segstudio.workflows.scoring import seed_of
from segstudio.workflows.spec_evaluation import evaluate_spec
from tests.workflows.spec_samples import COUNT, street_spec, write_network, write_streets

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
Ids = NDArray[np.uint8]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_streets(tmp_path)
    return tmp_path


@pytest.fixture
def network(root: Path) -> SegFormer:
    return write_network(root / "net.safetensors")


def pairs(root: Path) -> list[tuple[Ids, Ids]]:
    return [
        (read_image(root / f"images/val/street{n}.png"), read_mask(root / f"masks/val/street{n}.png"))
        for n in range(COUNT)
    ]


def segmenter(network: SegFormer) -> Segmenter:
    return Segmenter(network, torch.device("cpu"), ResizeRule("short_side", 64), *IMAGENET)


def test_scores_equal_a_plain_loop_and_are_written(root: Path, network: SegFormer) -> None:
    result = evaluate_spec(street_spec(root), notes=("a note of the loader",))
    expected = sum(count_confusion(mask, segmenter(network).ids(image), 19) for image, mask in pairs(root))
    assert np.array_equal(result.counts, expected)
    found = scores(np.asarray(expected))
    assert result.report.miou == pytest.approx(found.miou, abs=1e-12)
    out = root / "out" / "evaluate"
    values = json.loads((out / "results.json").read_text())
    assert values == json.loads(json.dumps(result.to_json()))
    assert (values["model"], values["images"]) == (str(root / "net.safetensors"), COUNT)
    assert values["protocol"]["resize"] == {"mode": "short_side", "size": 64, "width": 0}
    assert "a note of the loader" in values["notes"]
    stored = load_evaluation(out / "evaluation.npz")
    assert stored.image_names == tuple(f"street{n}" for n in range(COUNT))
    assert np.array_equal(stored.confusion.sum(axis=0), expected)
    assert load_spec(out / "experiment.yaml", task="evaluate").spec == street_spec(root)
    records = [json.loads(line) for line in (out / "status.json").read_text().splitlines()]
    assert [record["status"] for record in records] == ["STARTED", "RUNNING", "SUCCESS"]
    assert records[1]["kpi"] == {
        "test_acc": found.aacc,
        "test_miou": found.miou,
        "test_mf1": found.mf1,
        "test_mprecision": values["mprecision"],
        "test_mrecall": values["mrecall"],
    }


def test_pictures_of_every_second_image(root: Path, network: SegFormer) -> None:
    (root / "out/evaluate/pictures").mkdir(parents=True)
    (root / "out/evaluate/pictures/older.png").write_bytes(b"of another network")
    evaluate_spec(street_spec(root))
    folder = root / "out/evaluate/pictures"
    assert sorted(path.name for path in folder.iterdir()) == ["street0.png", "street2.png"]
    picture = read_image(folder / "street0.png")
    image, mask = pairs(root)[0]
    colours = load_palette("cityscapes").colours()
    assert picture.shape == (64, 3 * 72 + 2 * 10, 3)
    assert np.array_equal(picture[:, :72], image)
    assert np.array_equal(picture[:, 82:154], colours[mask])
    assert np.array_equal(picture[:, 164:], colours[segmenter(network).ids(image)])


def test_two_processes_count_what_one_counts(root: Path, network: SegFormer) -> None:
    corruptions = (("brightness", 2),)
    alone = evaluate_spec(street_spec(root), corruptions=corruptions)
    shared = evaluate_spec(street_spec(root, evaluate={"num_gpus": 2}), corruptions=corruptions)
    assert shared.evaluation.image_names == alone.evaluation.image_names
    assert np.array_equal(shared.evaluation.confusion, alone.evaluation.confusion)
    assert np.array_equal(shared.evaluation.boundary, alone.evaluation.boundary)
    assert shared.robustness == alone.robustness


def test_masks_of_another_palette_and_images_without(root: Path, network: SegFormer) -> None:
    cityscapes, camvid = load_palette("cityscapes"), load_palette("camvid-11")
    lookup = mapping(cityscapes, camvid)
    for number in range(2):
        mask = read_mask(root / f"masks/val/street{number}.png")
        write_mask(root / f"camvid/street{number}.png", lookup[mask], camvid.colours())
    source = {"images": str(root / "images/val"), "masks": str(root / "camvid"), "palette": "camvid-11"}
    result = evaluate_spec(street_spec(root, studio={"test": [source]}))
    expected = sum(
        count_confusion(lookup[mask], lookup[segmenter(network).ids(image)], 11)
        for image, mask in pairs(root)[:2]
    )
    assert (result.palette, result.images) == ("camvid-11", 2)
    assert np.array_equal(result.counts, expected)
    assert result.orphans == (str(root / "images/val/street2.png"),)
    unlabelled = street_spec(root, studio={"test": [{"images": str(root / "images/val")}]})
    with pytest.raises(SpecError, match="none of the 3 test images has a mask"):
        evaluate_spec(unlabelled)


def test_the_protocol_of_tao(root: Path, network: SegFormer) -> None:
    result = evaluate_spec(street_spec(root, studio={"evaluation": {"protocol": "tao"}}))
    assert result.counts.sum() <= COUNT * 64 * 64
    assert result.protocol["resize"] == {"mode": "stretch", "size": 64, "width": 64}


def test_corrupted_images_are_seeded_by_their_name(root: Path, network: SegFormer) -> None:
    result = evaluate_spec(street_spec(root), corruptions=(("gaussian_noise", 2), ("fog", 1)))
    assert result.robustness is not None
    for kind, severity in (("gaussian_noise", 2), ("fog", 1)):
        counts = np.zeros((19, 20), np.int64)
        for number, (image, mask) in enumerate(pairs(root)):
            spoilt = corrupt(image, kind, severity, seed_of(f"street{number}", kind, severity))
            counts += count_confusion(mask, segmenter(network).ids(spoilt), 19)
        assert result.robustness.scores[kind, severity] == pytest.approx(scores(counts).miou, abs=1e-12)
    values = result.to_json()["robustness"]
    assert values["retention"] == pytest.approx(result.robustness.mean / result.report.miou)
    assert "gaussian_noise" in result.tables()


def test_what_cannot_be_evaluated_is_said_in_status_json_too(root: Path) -> None:
    with pytest.raises(ModelError, match=r"net\.safetensors: there is no such file"):
        evaluate_spec(street_spec(root))
    last = (root / "out/evaluate/status.json").read_text().splitlines()[-1]
    assert json.loads(last)["status"] == "FAILURE"
    with pytest.raises(SpecError, match=r"evaluate\.trt_engine is set"):
        evaluate_spec(street_spec(root, evaluate={"checkpoint": "", "trt_engine": "b0.engine"}))


def test_a_cancelled_evaluation_leaves_no_report(root: Path, network: SegFormer) -> None:
    context = JobContext()
    context.cancel()
    with pytest.raises(Cancelled):
        evaluate_spec(street_spec(root), context)
    assert not (root / "out/evaluate/results.json").exists()
