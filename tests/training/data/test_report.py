"""The report before a run counts right, finds what is odd, and finds images that two splits share."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.errors import SpecError
from segstudio.images import list_images, read_image, write_image, write_mask
from segstudio.jobs import JobContext
from segstudio.training.data.leakage import NEAR_BITS, copies, difference_hash, near_duplicates
from segstudio.training.data.report import DataReport, examine
from segstudio.training.data.split import open_split
from segstudio.training.spec.load import spec_from_dict

COLOURS = np.zeros((256, 3), np.uint8)


def picture(seed: int, height: int = 48, width: int = 64) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def write(
    root: Path, split: str, stem: str, image: np.ndarray, mask: np.ndarray, suffix: str = "png"
) -> None:
    write_image(root / "images" / split / f"{stem}.{suffix}", image)
    write_mask(root / "masks" / split / f"{stem}.png", mask.astype(np.uint8), COLOURS)


def report(root: Path, **data: Any) -> DataReport:
    spec = spec_from_dict({"dataset": {"segment": {"root_dir": str(root)}}, "studio": {"data": data}})
    return examine(open_split(spec, "train", JobContext()), open_split(spec, "validation", JobContext()))


def two_classes(road: int = 0, sky: int = 10) -> np.ndarray:
    mask = np.full((48, 64), road)
    mask[:12] = sky
    return mask


def test_numbers_of_a_split(tmp_path: Path) -> None:
    mask = two_classes()
    mask[:, :16] = 255
    for number in range(2):
        write(tmp_path, "train", f"a{number}", picture(number), mask)
    write(tmp_path, "val", "b", picture(9), two_classes(road=3))
    found = report(tmp_path)
    assert found.train.ignored == pytest.approx(0.25)
    road = next(entry for entry in found.train.classes if entry.name == "road")
    assert (road.pixels, road.samples, road.share) == (2 * 36 * 48, 2, 0.75)
    assert found.train.sizes == {"64x48": 2}
    assert found.validation is not None
    subjects = {entry.subject: entry.reason for entry in found.suspicions}
    assert subjects["class wall"].startswith("is in validation")
    assert subjects["class road"].startswith("is in training")
    assert json.loads(json.dumps(found.to_json()))["train"]["samples"] == 2
    assert any("road: 75.00% of the pixels, in 2 samples" in line for line in found.lines())


def test_suspicious_samples(tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path, "train", f"fine{number}", picture(number), two_classes())
    half, empty = two_classes(), np.full((48, 64), 255)
    half[:, :40] = 255
    write(tmp_path, "train", "half", picture(5), half)
    write(tmp_path, "train", "empty", picture(6), empty)
    write(tmp_path, "train", "one", picture(7), np.zeros((48, 64)))
    write(tmp_path, "train", "large", picture(8, 200, 300), np.full((200, 300), 10) * (np.arange(300) > 9))
    reasons = {Path(entry.subject).stem: entry.reason for entry in report(tmp_path).suspicions}
    assert set(reasons) == {"half", "empty", "one", "large"}
    assert "0/255" in reasons["half"]
    assert "100%" in reasons["empty"]
    assert reasons["one"] == "nothing but road"
    assert "300x200" in reasons["large"]


def leaking(root: Path) -> None:
    for number in range(6):
        write(root, "train", f"t{number}", picture(number), two_classes())
        write(root, "val", f"v{number}", picture(100 + number), two_classes())
    write(root, "val", "copy", picture(2), two_classes())
    (root / "images" / "val" / "copy.png").write_bytes((root / "images" / "train" / "t2.png").read_bytes())
    brighter = np.clip(picture(4).astype(int) + 9, 0, 255).astype(np.uint8)
    write(root, "val", "twin", brighter, two_classes(), "jpg")


def test_leakage_is_found_stops_or_is_off(tmp_path: Path) -> None:
    leaking(tmp_path)
    found = report(tmp_path)
    pairs = {Path(leak.validation).stem: (Path(leak.train).stem, leak.bits) for leak in found.leaks}
    assert set(pairs) == {"copy", "twin"}
    assert pairs["copy"] == ("t2", -1)
    assert pairs["twin"][0] == "t4"
    assert 0 <= pairs["twin"][1] <= 6
    assert any("2 validation images are in training too (1 equal files" in line for line in found.lines())
    with pytest.raises(SpecError, match="2 validation images are in training too"):
        report(tmp_path, leakage="stop")
    assert not report(tmp_path, leakage="off").leaks


@given(st.lists(st.integers(0, 2**64 - 1), max_size=30), st.lists(st.integers(0, 2**64 - 1), max_size=30),
       st.integers(0, 40))  # fmt: skip
def test_near_duplicates_equal_a_slow_search(ours: list[int], theirs: list[int], bits: int) -> None:
    twins = near_duplicates(np.array(ours, np.uint64), np.array(theirs, np.uint64), bits)
    slow = {}
    for other, value in enumerate(theirs):
        distances = [(value ^ mine).bit_count() for mine in ours]
        if distances and min(distances) <= bits:
            slow[other] = min(distances)
    assert {twin.other: twin.bits for twin in twins} == slow
    assert all((theirs[twin.other] ^ ours[twin.train]).bit_count() == twin.bits for twin in twins)


def test_near_duplicates_across_blocks() -> None:
    hashes = np.random.default_rng(1).integers(0, 2**63, 1300).astype(np.uint64)
    others = hashes[::-1] ^ np.uint64(0b101)
    twins = near_duplicates(hashes, others)
    assert [(twin.train, twin.bits) for twin in twins] == [(1299 - n, 2) for n in range(1300)]


def test_hashes_of_pictures() -> None:
    rising = np.repeat(np.tile(np.arange(0, 90, 10, dtype=np.uint8), (8, 1))[:, :, None], 3, axis=2)
    assert difference_hash(rising) == 2**64 - 1
    assert difference_hash(np.ascontiguousarray(rising[:, ::-1])) == 0
    assert difference_hash(np.full((40, 50, 3), 90, np.uint8)) is None
    assert [twin.other for twin in copies(["a", "b", ""], ["", "b", "x"])] == [1]


def test_neighbouring_frames_are_near_and_other_drives_are_not(camvid: Path) -> None:
    def views(split: str, prefix: str, count: int) -> list[int | None]:
        paths = [path for path in list_images(camvid / "images" / split) if path.stem.startswith(prefix)]
        return [difference_hash(read_image(path)) for path in paths[:count]]

    frames = [view for view in views("val", "0016E5", 20) if view is not None]
    steps = [(a ^ b).bit_count() for a, b in pairwise(frames)]
    assert np.mean(np.array(steps) <= NEAR_BITS) > 0.7
    others = np.array([*views("train", "0001TP", 20), *views("train", "0006R0", 20)], np.uint64)
    assert not near_duplicates(others, np.array(frames, np.uint64))
