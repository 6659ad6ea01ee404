"""Which files become samples, and under which keys."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.errors import ProjectError
from segstudio.project.layout import (
    contested,
    images_folder,
    is_held_out,
    list_files,
    mask_files,
    name_samples,
)

NOBODY: frozenset[str] = frozenset()
NAMES = st.lists(
    st.from_regex(r"([ab]/)?[aAbB1]{1,2}(\.jpg)?\.(jpg|png|JPG)", fullmatch=True), unique=True, max_size=12
)


def keys(
    files: list[str], known: dict[str, str] | None = None, free: frozenset[str] = NOBODY
) -> dict[str, str]:
    return {sample.image: sample.key for sample in name_samples(files, known or {}, free)}


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def test_images_are_found_in_nested_folders_and_nothing_else(tmp_path: Path) -> None:
    wanted = ("a.jpg", "B.PNG", "x/y/c.tiff", "x/masks/d.webp", "x/e.bmp", "f.jpeg")
    touch(
        tmp_path,
        *wanted,
        "notes.txt",
        ".hidden.jpg",
        ".cache/g.jpg",
        "masks/h.png",
        "predictions/i.png",
        "jpg",
    )
    found, refused = list_files(tmp_path)
    assert sorted(found) == sorted(wanted)
    assert not refused


def test_links_that_lead_back_are_not_walked_for_ever(tmp_path: Path) -> None:
    touch(tmp_path, "frames/a.jpg", "other/b.jpg")
    os.symlink(tmp_path / "frames", tmp_path / "frames" / "again")
    os.symlink(tmp_path / "other", tmp_path / "frames" / "other")
    os.symlink(tmp_path / "frames", tmp_path / "other" / "back")
    assert sorted(list_files(tmp_path / "frames")[0]) == ["a.jpg", "other/b.jpg"]


@pytest.mark.skipif(os.name != "posix", reason="only there may a name be any bytes")
def test_a_name_that_is_no_text_is_reported_not_stored(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system refuses such names")
    found, refused = list_files(tmp_path)
    assert found == ["a.jpg"]
    assert refused == ["?.jpg"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="cannot be listed"):
        list_files(tmp_path / "nowhere")


def test_tao_layout_is_recognised_unless_the_folder_has_frames_itself(tmp_path: Path) -> None:
    touch(tmp_path, "images/train/a.jpg")
    assert images_folder(tmp_path) == tmp_path / "images"
    touch(tmp_path, "b.jpg")
    assert images_folder(tmp_path) == tmp_path


def test_samples_come_in_natural_order_with_their_splits() -> None:
    samples = name_samples(
        ["val/f2.jpg", "train/f10.jpg", "train/f9.jpg", "town/f1.jpg", "top.jpg"], {}, NOBODY
    )
    assert [(sample.key, sample.split) for sample in samples] == [
        ("top", ""),
        ("town/f1", ""),
        ("train/f9", "train"),
        ("train/f10", "train"),
        ("val/f2", "val"),
    ]


def test_images_that_differ_in_suffix_alone_keep_it() -> None:
    assert keys(["a.jpg", "a.png", "b.png"]) == {"a.jpg": "a.jpg", "a.png": "a.png", "b.png": "b"}
    # On a disk that ignores case their masks would be one file.
    assert keys(["A.jpg", "a.png"]) == {"A.jpg": "A.jpg", "a.png": "a.png"}
    # The plain name of the third is the full name of the first.
    assert len(set(keys(["a.jpg", "a.png", "a.jpg.png"]).values())) == 3


def test_a_known_image_keeps_its_key_when_a_rival_comes() -> None:
    assert keys(["a.jpg", "a.png"], {"a.jpg": "a"}) == {"a.jpg": "a", "a.png": "a.png"}


def test_a_converted_image_takes_the_place_of_the_old_one() -> None:
    assert keys(["a.png"], {"a.jpg": "a"}, frozenset({"a"})) == {"a.png": "a"}
    # Without the old one being gone it may not.
    assert keys(["a.png"], {"a.jpg": "a"}) == {"a.png": "a.png"}


@given(NAMES, NAMES)
def test_keys_are_unique_and_stay(first: list[str], more: list[str]) -> None:
    before = keys(first)
    known = dict(before)
    after = keys(sorted({*first, *more}), known)
    assert len({key.casefold() for key in after.values()}) == len(after)
    assert {image: after[image] for image in first} == before


@given(NAMES, NAMES)
def test_keys_survive_the_loss_of_the_database(first: list[str], more: list[str]) -> None:
    everything = sorted({*first, *more})
    after = name_samples(everything, keys(first), NOBODY)
    kept = contested(after)
    assert keys(everything, kept) == {sample.image: sample.key for sample in after}


def test_masks_are_listed_by_key(tmp_path: Path) -> None:
    touch(tmp_path, "masks/a.png", "masks/train/b.png", "masks/.tmp.png", "masks/c.txt")
    assert sorted(key for key, _ in mask_files(tmp_path / "masks")) == ["a", "train/b"]
    assert not list(mask_files(tmp_path / "nowhere"))


def test_splits_that_judge_are_known_by_the_names_that_folders_have() -> None:
    judging = ("val", "test", "valid", "validation", "Val", "val_night", "test-2", "VALIDATION")
    assert all(is_held_out(split) for split in judging)
    assert not any(is_held_out(split) for split in ("", "train", "trainval", "valley", "tests", "train_test"))
