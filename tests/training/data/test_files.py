"""Images find their masks by name, in every layout that is usual."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.errors import SpecError
from segstudio.training.data.files import evenly, pair_by_stem, read_list


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def paired(root: Path) -> dict[str, str]:
    found = pair_by_stem(root / "images", root / "masks")
    return {image.name: mask.name for image, mask in found.pairs}


def test_pairs_by_stem_and_orphans(tmp_path: Path) -> None:
    touch(tmp_path / "images", "b/2.jpg", "a/10.jpg", "a/9.jpg", "lonely.png")
    touch(tmp_path / "masks", "b/2.png", "a/10.png", "a/9.png", "a/3.png")
    found = pair_by_stem(tmp_path / "images", tmp_path / "masks")
    assert [image.stem for image, _ in found.pairs] == ["9", "10", "2"]
    assert all(
        image.stem == mask.stem and image.parent.name == mask.parent.name for image, mask in found.pairs
    )
    assert [path.name for path in found.images_without_mask] == ["lonely.png"]
    assert [path.name for path in found.masks_without_image] == ["3.png"]


def test_position_in_the_folder_means_nothing(tmp_path: Path) -> None:
    touch(tmp_path / "images", "a.png", "b.png", "c.png")
    touch(tmp_path / "masks", "b.png", "c.png", "d.png")
    assert paired(tmp_path) == {"b.png": "b.png", "c.png": "c.png"}


def test_cityscapes_pairs_by_its_rule(tmp_path: Path) -> None:
    stem = "aachen/aachen_000000_000019"
    touch(tmp_path / "images", f"{stem}_leftImg8bit.png")
    kinds = ("instanceIds", "color", "labelIds")
    touch(
        tmp_path / "masks", *(f"{stem}_gtFine_{kind}.png" for kind in kinds), f"{stem}_gtFine_polygons.json"
    )
    assert list(paired(tmp_path).values()) == ["aachen_000000_000019_gtFine_labelIds.png"]
    found = pair_by_stem(tmp_path / "images", tmp_path / "masks")
    assert not found.masks_without_image
    touch(tmp_path / "masks", f"{stem}_gtFine_labelTrainIds.png")
    assert list(paired(tmp_path).values()) == ["aachen_000000_000019_gtFine_labelTrainIds.png"]


@pytest.mark.parametrize(
    ("image", "mask"),
    [("A1.JPG", "a1.png"), ("x.jpg", "x.jpg.png"), ("x.jpg", "x_mask.png"), ("x.png", "x_L.png"),
     ("v1.2.jpg", "v1.2.png")],
)  # fmt: skip
def test_case_second_suffixes_and_endings(tmp_path: Path, image: str, mask: str) -> None:
    touch(tmp_path / "images", image)
    touch(tmp_path / "masks", mask)
    assert paired(tmp_path) == {image: mask}


def test_the_exact_name_is_served_before_others(tmp_path: Path) -> None:
    touch(tmp_path / "images", "A.png", "a.png", "b_img.png", "b.png")
    touch(tmp_path / "masks", "a.png", "b.png")
    assert paired(tmp_path) == {"a.png": "a.png", "b.png": "b.png"}


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (("x.png", "x_mask.png", "y.png"), {"x.png": "x_mask.png"}),
        (("x.jpg", "x.png", "y.jpg"), {"x.jpg": "x.png"}),
        (("c_leftImg8bit.png", "c_gtFine_color.png", "c_gtFine_labelIds.png"),
         {"c_leftImg8bit.png": "c_gtFine_labelIds.png"}),
    ],
)  # fmt: skip
def test_images_and_masks_in_one_folder(
    tmp_path: Path, names: tuple[str, ...], wanted: dict[str, str]
) -> None:
    touch(tmp_path, *names)
    found = pair_by_stem(tmp_path, tmp_path)
    assert {image.name: mask.name for image, mask in found.pairs} == wanted
    assert not found.masks_without_image


def test_the_plain_name_goes_first_and_a_mask_has_one_image(tmp_path: Path) -> None:
    touch(tmp_path / "images", "x.png", "x.jpg", "y.png")
    touch(tmp_path / "masks", "x.png", "x_mask.png", "y_mask.png")
    found = pair_by_stem(tmp_path / "images", tmp_path / "masks")
    assert {mask.name for _, mask in found.pairs} == {"x.png", "y_mask.png"}
    assert len(found.images_without_mask) == 1


@given(st.sets(st.text(string.ascii_lowercase + string.digits + "_-", min_size=1, max_size=8)), st.data())
def test_every_file_is_paired_or_an_orphan(
    tmp_path_factory: pytest.TempPathFactory, names: set[str], data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("set")
    (root / "images").mkdir()
    (root / "masks").mkdir()
    with_mask = {name for name in sorted(names) if data.draw(st.booleans())}
    touch(root / "images", *(f"{name}.jpg" for name in names))
    touch(root / "masks", *(f"{name}.png" for name in with_mask))
    found = pair_by_stem(root / "images", root / "masks")
    stems = {image.stem: mask.stem for image, mask in found.pairs}
    assert with_mask <= stems.keys()
    assert all(stems[name] == name for name in with_mask)
    assert {path.stem for path in found.images_without_mask} | stems.keys() == names
    assert not found.masks_without_image


@pytest.mark.parametrize("text", ["image,mask\na.png,a_m.png\n", "a.png a_m.png", "# x\n\na.png\ta_m.png\n",
                                  "\ufeffa.png;a_m.png\r\n", '"a.png", "a_m.png"'])  # fmt: skip
def test_lists_in_every_form(tmp_path: Path, text: str) -> None:
    touch(tmp_path, "a.png", "a_m.png")
    (tmp_path / "list.txt").write_text(text, encoding="utf-8")
    assert read_list(tmp_path / "list.txt").pairs == ((tmp_path / "a.png", tmp_path / "a_m.png"),)


def test_lists_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        read_list(tmp_path / "none.csv")
    (tmp_path / "list.csv").write_text("a,b,c\n")
    with pytest.raises(SpecError, match="line 1: 3 parts"):
        read_list(tmp_path / "list.csv")


@given(st.integers(0, 60), st.integers(0, 70))
def test_limits_spread_evenly(count: int, limit: int) -> None:
    chosen = evenly(tuple(range(count)), limit)
    assert len(chosen) == (min(count, limit) if limit else count)
    assert list(chosen) == sorted(set(chosen))
    if 0 < limit <= count:
        assert chosen[0] == 0
        assert max(b - a for a, b in zip(chosen, (*chosen[1:], count), strict=True)) <= -(-count // limit)
