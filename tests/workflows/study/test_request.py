"""What a study refuses before it begins, in one line."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from segstudio.errors import InputError
from segstudio.workflows.study.request import StudyRequest, budgets_of, note_on_start
from segstudio.workflows.study.run import refuse_other_settings, remember_settings, split_pairs


def request(folder: Path, **more: Any) -> StudyRequest:
    return StudyRequest(folder / "images", folder / "masks", "cityscapes", ("1", "2"), folder / "out", **more)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"strategies": ("luck",)}, "luck.*random, margin, expected-gain"),
        ({"strategies": ()}, "give some of"),
        ({"strategies": ("margin", "margin")}, "margin,margin"),
        ({"trainer": "tail"}, "tail.*head, full"),
        ({"start": "scratch"}, "--trainer full"),
        ({"val_images": Path("a")}, "images and masks"),
        ({"val_share": 1.0}, "between 0 and 1"),
        ({"side": 100}, "multiple of 32"),
    ],
)
def test_unusable_settings_are_refused(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        request(tmp_path, **more)


def test_budgets_are_frames_or_shares() -> None:
    assert budgets_of(("4", "5%", "20%"), 200) == (4, 10, 40)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("5",), "two budgets"),
        (("5", "many"), "'many'"),
        (("5", "5"), "do not ascend"),
        (("1%", "10%"), "from 0 to 1 frames"),
        (("1", "inf%"), "budget 'inf%'"),
        (("nan%", "50%"), "budget 'nan%'"),
        (("5", "11"), "there are 10"),
    ],
)
def test_budgets_that_cannot_be_kept_are_refused(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        budgets_of(words, 10)


def test_a_folder_belongs_to_one_study(tmp_path: Path) -> None:
    first = request(tmp_path)
    refuse_other_settings(first)
    remember_settings(first)
    refuse_other_settings(replace(first, seeds=9, budgets=("1", "3")))
    with pytest.raises(InputError, match=r"side was 256.*another --out"):
        refuse_other_settings(replace(first, side=128))


def test_what_a_start_has_seen_is_said(tmp_path: Path) -> None:
    assert "street-b0 was trained on CamVid train" in note_on_start("street-b0")
    assert "does not say what it was trained on" in note_on_start(str(tmp_path / "weights.safetensors"))
    assert note_on_start("scratch") == ""


def test_folders_without_pairs_are_refused(tmp_path: Path) -> None:
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="no image in"):
        split_pairs(request(tmp_path))
