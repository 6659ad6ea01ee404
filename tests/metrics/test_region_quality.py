"""Region quality: what it learns, what it is measured with, and its file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import r2_score, roc_auc_score

from segstudio.errors import InputError
from segstudio.metrics.region_features import (
    Evidence,
    PredictedRegions,
    feature_names,
    measure_regions,
    region_ious,
)
from segstudio.metrics.region_quality import MOST, QualityModel, auroc, r2

NAMES = ("road", "car", "tree")
Floats = NDArray[np.float32]


def regions(count: int, seed: int) -> tuple[PredictedRegions, Floats]:
    """Regions whose IoU follows from their confidence, with some noise; below 0.4 there is nothing there."""
    random = np.random.default_rng(seed)
    columns = feature_names(len(NAMES))
    features = random.random((count, len(columns)), np.float32)
    features[:, 0] = random.integers(0, 3, count)
    features[:, columns.index("second_class")] = random.integers(0, 3, count)
    sure = features[:, columns.index("confidence_mean")]
    ious = np.where(sure < 0.4, 0, np.clip(sure + random.normal(0, 0.05, count), 0.01, 1)).astype(np.float32)
    whole = np.zeros(count, np.int32)
    boxes, centres = np.zeros((count, 4), np.int32), np.zeros((count, 2), np.float32)
    return PredictedRegions(features[:, 0].astype(np.uint8), whole, whole, boxes, centres, features), ious


def test_it_learns_what_holds_elsewhere_and_says_how_well() -> None:
    model = QualityModel.learn(NAMES, [regions(400, 0), regions(300, 1)])
    other, ious = regions(500, 2)
    quality = model.judge(other)
    assert quality.found.dtype == quality.iou.dtype == np.float32
    assert quality.found.min() >= 0 <= quality.iou.min() <= quality.iou.max() <= 1
    trust = model.trust(other.features, ious)
    assert trust.auroc == pytest.approx(roc_auc_score(ious > 0, quality.found))
    assert trust.r2 == pytest.approx(r2_score(ious, quality.iou))
    assert (trust.auroc or 0) > 0.97
    assert (trust.r2 or 0) > 0.9
    assert trust.regions == 500
    assert trust.missing == pytest.approx(np.mean(ious == 0))


def test_the_same_regions_give_the_same_answers_also_from_a_file(tmp_path: Path) -> None:
    known, ious = regions(300, 3)
    ious[:20] = np.nan
    model = QualityModel.learn(NAMES, [(known, ious)])
    assert len(model.ious) == 280
    other = regions(50, 4)[0]
    model.save(tmp_path / "quality.npz")
    read = QualityModel.load(tmp_path / "quality.npz")
    assert read.names == NAMES
    np.testing.assert_array_equal(read.judge(other).iou, model.judge(other).iou)
    np.testing.assert_array_equal(read.judge(other).found, model.judge(other).found)


def test_more_regions_than_enough_are_thinned_out() -> None:
    model = QualityModel.learn(NAMES, [regions(MOST + 500, 5)])
    assert len(model.ious) == MOST


def test_too_few_regions_are_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match="99 regions") as few:
        QualityModel.learn(NAMES, [regions(99, 0)])
    assert "give more images" in few.value.hint
    known, ious = regions(200, 0)
    with pytest.raises(InputError, match="too few to learn"):
        QualityModel.learn(NAMES, [(known, np.maximum(ious, 0.1))])
    with pytest.raises(InputError, match="0 regions"):
        QualityModel.learn(NAMES, [])


@pytest.mark.parametrize("classes", [3, 255])
def test_a_model_without_runner_up_and_with_many_classes_is_judged_too(classes: int) -> None:
    """Nothing is known of the margin; what was never seen, such as a class, is no error."""
    random = np.random.default_rng(0)
    names = [f"class {number}" for number in range(classes)]
    found = []
    for _ in range(6):
        cells = random.integers(0, classes - 1, (10, 10))
        ids = np.kron(cells, np.ones((6, 6))).astype(np.uint8)
        truth = np.where(np.kron(random.random((10, 10)) < 0.5, np.ones((6, 6))) > 0, ids, classes - 1)
        sure = np.where(truth == ids, 240, 60).astype(np.uint8)
        said = Evidence(ids, sure)
        found.append((measure_regions(said, classes), region_ious(truth.astype(np.uint8), ids, classes)))
    model = QualityModel.learn(names, found)
    assert (model.trust(*joined(found)).auroc or 0) > 0.9
    plane = np.full((20, 20), classes - 1, np.uint8)
    unseen = model.judge(measure_regions(Evidence(plane, None, plane, plane), classes))
    assert 0 <= unseen.iou[0] <= 1


def joined(found: list[tuple[PredictedRegions, Floats]]) -> tuple[Floats, Floats]:
    """All features and IoUs."""
    return np.concatenate([one.features for one, _ in found]), np.concatenate([ious for _, ious in found])


def test_no_region_has_no_quality() -> None:
    model = QualityModel.learn(NAMES, [regions(200, 0)])
    assert len(model.judge(regions(0, 0)[0]).iou) == 0


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04broken"])
def test_files_that_are_none_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "quality.npz"
    with pytest.raises(InputError, match="no region quality"):
        QualityModel.load(path)
    path.write_bytes(content)
    with pytest.raises(InputError, match="no region quality"):
        QualityModel.load(path)


def test_files_with_code_or_of_another_version_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "quality.npz"
    np.savez(path, names=np.array([object()], object), features=np.zeros(1), ious=np.zeros(1), version=1)
    with pytest.raises(InputError, match="no region quality"):
        QualityModel.load(path)
    np.savez(path, names=np.array(NAMES), features=np.zeros((2, 3), np.float32), ious=np.zeros(2), version=1)
    with pytest.raises(InputError, match="another version"):
        QualityModel.load(path)
    wide = np.zeros((2, len(feature_names(3))), np.float32)
    for ious in (
        np.ones(2, np.float32),
        np.array([0, np.nan], np.float32),
        np.array(["a", "b"]),
        np.float32(1),
    ):
        np.savez(path, names=np.array(NAMES), features=wide, ious=ious, version=1)
        with pytest.raises(InputError, match="another version"):
            QualityModel.load(path)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=2, max_size=30).filter(
        lambda pairs: len({truth for _, truth in pairs}) == 2
    )
)
def test_scores_equal_sklearns(pairs: list[tuple[float, bool]]) -> None:
    scores = np.array([score for score, _ in pairs], np.float32)
    truth = np.array([truth for _, truth in pairs])
    assert auroc(scores, truth) == pytest.approx(roc_auc_score(truth, scores))
    assert r2(scores, truth.astype(np.float32)) == pytest.approx(r2_score(truth.astype(float), scores))


def test_scores_that_do_not_exist_are_none() -> None:
    ones = np.ones(3, np.float32)
    assert auroc(ones, ones > 0) is None
    assert r2(ones, ones) is None
    assert r2(ones[:0], ones[:0]) is None


def test_thinning_out_keeps_enough_of_the_rare_kind() -> None:
    found, _ = regions(MOST + 5000, 3)
    ious = np.full(MOST + 5000, 0.9, np.float32)
    ious[:12] = 0
    model = QualityModel.learn(NAMES, [(found, ious)])
    assert len(model.ious) == MOST
    assert 10 <= np.count_nonzero(model.ious == 0) <= 12
