"""Evaluations: the file gives back what went in, damaged files are one clear error, merging is adding."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.errors import InputError
from segstudio.metrics.evaluation import Evaluation, load_evaluation, stack_measures
from segstudio.metrics.measures import ImageMeasures, measure_image

NAMES = ("road", "sky", "old_tram")


def measured(seed: int, *, instances: bool = False) -> ImageMeasures:
    random = np.random.default_rng(seed)
    truth, predicted = random.integers(0, 4, (2, 16, 24), np.uint8)
    found = measure_image(truth, predicted, 3)
    if not instances:
        return found
    return ImageMeasures(found.confusion, found.boundary, found.regions, random.random((3, 4)))


def evaluation(*seeds: int) -> Evaluation:
    rows = [(f"{seed}.png", measured(seed, instances=seed % 2 == 0)) for seed in seeds]
    return stack_measures("own", NAMES, ("flat", "", "vehicle"), rows, 0.01)


def assert_equal(first: Evaluation, second: Evaluation) -> None:
    for name in ("palette", "class_names", "groups", "boundary_share", "image_names"):
        assert getattr(first, name) == getattr(second, name)
    for name in ("confusion", "boundary", "regions", "instances"):
        ours, theirs = getattr(first, name), getattr(second, name)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


@settings(max_examples=15, deadline=None)
@given(
    count=st.integers(0, 4),
    names=st.lists(st.text(min_size=1, max_size=8), min_size=4, max_size=4, unique=True),
    classes=st.lists(st.text(max_size=8), min_size=3, max_size=3),
)
def test_the_file_gives_back_what_went_in(
    tmp_path_factory: pytest.TempPathFactory, count: int, names: list[str], classes: list[str]
) -> None:
    rows = [(name, measured(seed, instances=seed % 2 == 0)) for seed, name in enumerate(names[:count])]
    saved = stack_measures("own", classes, classes, rows, 0.02)
    path = tmp_path_factory.mktemp("evaluation") / "evaluation.npz"
    saved.save(path)
    assert_equal(load_evaluation(path), saved)


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "missing"])
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "evaluation.npz"
    evaluation(1, 2).save(path)
    content = path.read_bytes()
    broken = {"empty": b"", "cut": content[: len(content) // 2], "text": b"scores"}
    path.unlink() if damage == "missing" else path.write_bytes(broken[damage])
    with pytest.raises(InputError, match=r"evaluation\.npz is no readable evaluation"):
        load_evaluation(path)


@settings(max_examples=40, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(1, 255))
def test_no_flipped_byte_is_a_crash(
    tmp_path_factory: pytest.TempPathFactory, place: float, value: int
) -> None:
    path = tmp_path_factory.mktemp("evaluation") / "evaluation.npz"
    evaluation(1).save(path)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= value
    path.write_bytes(content)
    try:
        found = load_evaluation(path)
    except InputError:
        return
    # Some bytes mean nothing, as the time in a zip's header.
    assert_equal(found, evaluation(1))


def rewrite(path: Path, about: dict[str, Any], **arrays: Any) -> None:
    with np.load(path) as stored:
        parts = dict(stored)
    values = json.loads(parts["about"].tobytes()) | about
    stream = io.BytesIO()
    parts |= {"about": np.frombuffer(json.dumps(values).encode(), np.uint8), **arrays}
    np.savez(stream, **parts)
    path.write_bytes(stream.getvalue())


def test_a_later_version_is_refused_by_name(tmp_path: Path) -> None:
    evaluation(1).save(path := tmp_path / "e.npz")
    rewrite(path, {"version": 2})
    with pytest.raises(InputError, match="another version"):
        load_evaluation(path)


@pytest.mark.parametrize(
    ("about", "arrays"),
    [
        ({"image_names": ["a", "b"]}, {}),
        ({"class_names": None}, {}),
        ({"groups": ["x"]}, {}),
        ({"boundary_share": "wide"}, {}),
        ({}, {"confusion": np.zeros((1, 3, 4), np.int32)}),
        ({}, {"regions": np.full((1, 3), -1, np.int64)}),
        ({}, {"boundary": np.array([{"pickled": 1}], object)}),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    tmp_path: Path, about: dict[str, Any], arrays: dict[str, Any]
) -> None:
    evaluation(1).save(path := tmp_path / "e.npz")
    rewrite(path, about, **arrays)
    with pytest.raises(InputError, match="no readable evaluation"):
        load_evaluation(path)
