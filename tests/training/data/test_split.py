"""Splits open from folders, lists and TAO's layout, are checked once, and remembered."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segstudio.errors import Cancelled, SpecError
from segstudio.images import write_image, write_mask
from segstudio.jobs import JobContext
from segstudio.training.data import scan
from segstudio.training.data.split import open_split
from segstudio.training.spec.load import spec_from_dict
from segstudio.training.spec.schema import ExperimentSpec

GREY = np.full((32, 40, 3), 90, np.uint8)
COLOURS = np.zeros((256, 3), np.uint8)


def folder_spec(root: Path, palette: str, **studio: Any) -> ExperimentSpec:
    source = {"images": str(root / "images"), "masks": str(root / "masks"), "palette": palette}
    return spec_from_dict({"studio": {"sources": [source], **studio}})


def tao_spec(root: Path, **segment: Any) -> ExperimentSpec:
    return spec_from_dict(
        {"dataset": {"segment": {"root_dir": str(root), **segment}}, "studio": {"preset": "studio"}}
    )


def write_pair(root: Path, stem: str, mask: np.ndarray, split: str = "") -> None:
    image = np.random.default_rng(len(stem)).integers(0, 255, (*mask.shape, 3), np.uint8)
    write_image(root / "images" / split / f"{stem}.png", image)
    write_mask(root / "masks" / split / f"{stem}.png", mask.astype(np.uint8), COLOURS)


def test_masks_are_mapped_to_the_models_classes(tmp_path: Path) -> None:
    camvid = np.array([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]] * 4)
    write_pair(tmp_path, "frame", camvid)
    split = open_split(folder_spec(tmp_path, "camvid-11"), "train", JobContext())
    image, ids = split.sources[0].load(0)
    assert ids[0].tolist() == [10, 2, 5, 0, 1, 8, 7, 4, 13, 11, 12, 255]
    assert image.shape == (4, 12, 3)
    assert split.sources[0].pixels[0, [10, 2, 12, 3]].tolist() == [4, 4, 4, 0]
    assert split.sources[0].facts[0].pixels[255] == 4


def test_validation_keeps_a_palette_of_its_own(tmp_path: Path) -> None:
    write_pair(tmp_path, "frame", np.array([[0, 1, 10, 255]] * 4))
    source = {"images": str(tmp_path / "images"), "masks": str(tmp_path / "masks"), "palette": "camvid-11"}
    spec = spec_from_dict({"studio": {"sources": [{"kind": "scenes", "count": 1}], "validation": [source]}})
    split = open_split(spec, "validation", JobContext())
    assert split.palette.name == "camvid-11"
    assert split.sources[0].load(0)[1][0].tolist() == [0, 1, 10, 255]
    both = spec_from_dict(
        {
            "studio": {
                "sources": [{"kind": "scenes", "count": 1}],
                "validation": [source, {**source, "palette": ""}],
            }
        }
    )
    assert open_split(both, "validation", JobContext()).palette.name == "cityscapes"


def test_bad_files_are_skipped_with_a_reason(tmp_path: Path) -> None:
    mask = np.zeros((32, 40))
    for stem in ("good", "truncated", "other_size", "no_mask", "wide"):
        write_pair(tmp_path, stem, mask)
    (tmp_path / "masks" / "no_mask.png").unlink()
    image = tmp_path / "images" / "truncated.png"
    image.write_bytes(image.read_bytes()[:200])
    write_mask(tmp_path / "masks" / "other_size.png", np.zeros((20, 40), np.uint8), COLOURS)
    Image.fromarray(np.full((32, 40), 26001, np.uint16)).save(tmp_path / "masks" / "wide.png")
    write_mask(tmp_path / "masks" / "alone.png", mask.astype(np.uint8), COLOURS)
    split = open_split(folder_spec(tmp_path, ""), "train", JobContext())
    assert len(split) == 1
    assert split.sources[0].name(0).endswith("good.png")
    reasons = {path.stem: reason for path, reason in split.skipped}
    assert set(reasons) == {"truncated", "other_size", "wide"}
    assert "40x20, its image is 40x32" in reasons["other_size"]
    assert "26001" in reasons["wide"]
    assert [path.stem for path in split.orphans_images] == ["no_mask"]
    assert [path.stem for path in split.orphans_masks] == ["alone"]


def test_an_empty_split_is_explained(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="is no folder"):
        open_split(folder_spec(tmp_path, ""), "train", JobContext())
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with pytest.raises(SpecError, match="no pair of equal names"):
        open_split(folder_spec(tmp_path, ""), "train", JobContext())
    write_image(tmp_path / "images" / "a.png", GREY)
    write_mask(tmp_path / "masks" / "a.png", GREY[:20, :, 0], COLOURS)
    with pytest.raises(SpecError, match=r"no usable sample for train.*40x20"):
        open_split(folder_spec(tmp_path, ""), "train", JobContext())


def test_splits_of_any_name_and_masks_where_they_are_needed(tmp_path: Path) -> None:
    for folder in ("fit", "valid"):
        write_pair(tmp_path, f"{folder}1", np.zeros((32, 40)), folder)
    write_image(tmp_path / "images" / "street" / "x.png", GREY)
    names = {"train_split": "fit", "validation_split": "valid", "test_split": "street"}
    spec = tao_spec(tmp_path, predict_split="street", **names)
    assert len(open_split(spec, "train", JobContext())) == 1
    assert open_split(spec, "validation", JobContext()).labelled
    for name in ("test", "predict"):
        split = open_split(spec, name, JobContext())
        assert not split.labelled
        assert np.array_equal(split.sources[0].load_image(0), GREY)
        assert set(np.unique(split.sources[0].load(0)[1])) == {255}
    with pytest.raises(SpecError, match=r"validation_split; it has images of: fit, street, valid"):
        open_split(tao_spec(tmp_path, **{**names, "validation_split": "val"}), "validation", JobContext())


def test_validation_may_be_absent(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", np.zeros((32, 40)), "train")
    assert len(open_split(tao_spec(tmp_path), "validation", JobContext())) == 0
    scenes = spec_from_dict({"studio": {"sources": [{"kind": "scenes", "count": 1}]}})
    assert not open_split(scenes, "validation", JobContext()).sources


def test_an_archive_is_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_bytes(b"PK")
    with pytest.raises(SpecError, match=r"set\.zip is an archive\. unpack it"):
        open_split(tao_spec(tmp_path / "set.zip"), "train", JobContext())
    with pytest.raises(SpecError, match="is an archive"):
        open_split(folder_spec(tmp_path / "set.zip", ""), "train", JobContext())


def test_unmatched_ids_stop_with_a_table_or_are_ignored(tmp_path: Path) -> None:
    mask = np.zeros((32, 40))
    mask[0, :7] = 77
    write_pair(tmp_path, "a", mask)
    mask[1, :3] = 99
    write_pair(tmp_path, "b", mask)
    with pytest.raises(SpecError) as caught:
        open_split(folder_spec(tmp_path, ""), "train", JobContext())
    text = str(caught.value)
    assert "\n" not in text
    assert "in 2 of 2 masks read as ids" in text
    assert "id 77: 14 pixels (0.547%) in 2 files" in text
    assert "id 99: 3 pixels (0.117%) in 1 files" in text
    spec = folder_spec(tmp_path, "", masks={"unmatched": "ignore"})
    split = open_split(spec, "train", JobContext())
    assert (split.sources[0].load(0)[1][0, :8] == [255] * 7 + [0]).all()


def test_unmatched_colours_are_named(tmp_path: Path) -> None:
    mask = np.zeros((32, 40, 3), np.uint8)
    mask[:] = (128, 64, 128)
    mask[0, 0] = (1, 2, 3)
    write_image(tmp_path / "images" / "a.png", GREY)
    write_image(tmp_path / "masks" / "a.png", mask)
    with pytest.raises(SpecError, match=r"rgb 1,2,3: 1 pixels .*first .*a\.png"):
        open_split(folder_spec(tmp_path, ""), "train", JobContext())


def test_the_second_start_reads_nothing_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for stem in ("a", "b"):
        write_pair(tmp_path, stem, np.zeros((32, 40)))
    spec = folder_spec(tmp_path, "")
    first = open_split(spec, "train", JobContext())
    read: list[str] = []
    examine = scan.Reader.examine

    def counted(self: scan.Reader, pair: scan.FilePair, keep: Any) -> scan.FileFacts:
        read.append(pair.image.stem)
        return examine(self, pair, keep)

    monkeypatch.setattr(scan.Reader, "examine", counted)
    second = open_split(spec, "train", JobContext())
    assert not read
    assert second.sources[0].facts == first.sources[0].facts
    write_pair(tmp_path, "b", np.full((32, 44), 1))
    third = open_split(spec, "train", JobContext())
    assert read == ["b"]
    assert third.sources[0].pixels[1, 1] == 32 * 44
    # Another meaning of the ids is another scan.
    open_split(folder_spec(tmp_path, "", masks={"reduce_zero_label": True}), "train", JobContext())
    assert sorted(read[1:]) == ["a", "b"]


def test_a_damaged_cache_is_made_again(tmp_path: Path, isolated_home: Path) -> None:
    write_pair(tmp_path, "a", np.zeros((32, 40)))
    spec = folder_spec(tmp_path, "")
    facts = open_split(spec, "train", JobContext()).sources[0].facts
    (stored,) = (isolated_home / "cache" / "scans").glob("*.json")
    for broken in ("", "[1]", json.dumps({key: {"stamp": 1} for key in json.loads(stored.read_text())})):
        stored.write_text(broken)
        assert open_split(spec, "train", JobContext()).sources[0].facts == facts


def test_a_scan_can_be_cancelled(tmp_path: Path) -> None:
    for number in range(8):
        write_pair(tmp_path, f"a{number}", np.zeros((32, 40)))
    seen: list[float] = []

    def stop(done: float, _total: float, _text: str) -> None:
        seen.append(done)
        context.cancel()

    context = JobContext(stop)
    with pytest.raises(Cancelled):
        open_split(folder_spec(tmp_path, ""), "train", context)
    assert seen


def test_grayscale_images_have_three_equal_channels(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", np.zeros((32, 40)))
    plain = open_split(folder_spec(tmp_path, ""), "train", JobContext()).sources[0].load(0)[0].astype(float)
    grey = (
        open_split(folder_spec(tmp_path, "", data={"grayscale": True}), "train", JobContext())
        .sources[0]
        .load(0)[0]
    )
    assert (grey[..., 0] == grey[..., 1]).all()
    assert (grey[..., 0] == grey[..., 2]).all()
    assert np.abs(grey[..., 0] - plain @ (0.299, 0.587, 0.114)).max() <= 1


def test_lists_name_pairs_relative_to_themselves(tmp_path: Path) -> None:
    for stem in ("a", "b c", "d"):
        write_pair(tmp_path, stem, np.zeros((32, 40)))
    lines = ("image,mask", "images/a.png,masks/a.png", "# remark", "images/b c.png, masks/b c.png")
    text = "\n".join((*lines, "images/d.png", "images/x.png,masks/d.png"))
    (tmp_path / "list.csv").write_text(text)
    source = {"kind": "list", "path": str(tmp_path / "list.csv")}
    split = open_split(spec_from_dict({"studio": {"sources": [source]}}), "train", JobContext())
    assert [Path(split.sources[0].name(n)).stem for n in range(len(split))] == ["a", "b c"]
    assert [path.stem for path in split.orphans_images] == ["d"]
    assert split.skipped[0][1] == "line 6 of list.csv names it, and it is not there"
    limited = open_split(
        spec_from_dict({"studio": {"sources": [{**source, "limit": 1}]}}), "train", JobContext()
    )
    assert len(limited) == 1
    predict = spec_from_dict({"studio": {"sources": [source], "predict": [source]}})
    assert len(open_split(predict, "predict", JobContext())) == 3


def test_scenes_repeat_and_hold_rare_classes() -> None:
    values = {"kind": "scenes", "count": 4, "first_seed": 50, "height": 64, "width": 96}
    spec = spec_from_dict({"studio": {"sources": [values]}})
    first, second = (open_split(spec, "train", JobContext()).sources[0] for _ in range(2))
    for number in range(4):
        pairs = zip(first.load(number), second.load(number), strict=True)
        assert all(np.array_equal(*pair) for pair in pairs)
    assert first.load(0)[0].shape == (64, 96, 3)
    assert first.pixels.sum() > 0
    assert first.name(1) == "scene 51"
