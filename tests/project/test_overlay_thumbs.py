"""Small ids for thumbnails: of the mask before the prediction, made once for each state of a file."""

import numpy as np
import pytest

from segstudio.images import write_mask
from segstudio.project import overlay_thumbs
from segstudio.project.overlay_thumbs import shrunk
from segstudio.project.project import Project
from tests.project.conftest import HEIGHT, WIDTH, some_mask

SURE = np.full((HEIGHT, WIDTH), 200, np.uint8)


def test_the_mask_goes_before_the_prediction(project: Project) -> None:
    assert project.overlays.get("a", 64) is None
    project.save_prediction("a", some_mask(1), SURE, "m")
    np.testing.assert_array_equal(project.overlays.get("a", 64), some_mask(1))
    project.save_mask("a", some_mask(2))
    np.testing.assert_array_equal(project.overlays.get("a", 64), some_mask(2))


def test_they_are_made_once_for_each_state(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def counted(ids: overlay_thumbs.Ids, size: int) -> overlay_thumbs.Ids:
        made.append(size)
        return shrunk(ids, size)

    monkeypatch.setattr(overlay_thumbs, "shrunk", counted)
    project.save_mask("a", some_mask(1))
    for _ in range(3):
        small = project.overlays.get("a", 16)
        assert small is not None
        assert small.shape == (12, 16)
    assert made == [16]
    write_mask(project.mask_path("a"), some_mask(2), project.palette.colours())
    np.testing.assert_array_equal(project.overlays.get("a", 16), shrunk(some_mask(2), 16))
    cached = next((project.facts_dir / "overlays").rglob("a.png"))
    cached.write_bytes(b"damaged")
    np.testing.assert_array_equal(project.overlays.get("a", 16), shrunk(some_mask(2), 16))


def test_what_cannot_be_read_has_none(project: Project) -> None:
    project.save_mask("a", some_mask(1))
    project.mask_path("a").write_bytes(b"no picture")
    assert project.overlays.get("a", 16) is None


def test_shrinking_keeps_values_and_shape() -> None:
    ids = some_mask(3)
    small = shrunk(ids, 8)
    assert small.shape == (6, 8)
    assert set(np.unique(small)) <= set(np.unique(ids))
    assert shrunk(ids, 999) is ids
    assert shrunk(np.zeros((1, 500), np.uint8), 50).shape == (1, 50)
