"""The drawn project of the benchmark of large projects: what it is made of, and which figures are named."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from segstudio.project.project import Project

if TYPE_CHECKING:
    from packaging.benchmarks import large_projects
else:
    FOLDER = str(Path(__file__).parents[2] / "packaging" / "benchmarks")
    sys.path.append(FOLDER)
    import large_projects

    sys.path.remove(FOLDER)


def test_a_drawn_project_has_images_masks_and_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("DRAWN", 1), ("HEIGHT", 96), ("WIDTH", 128)):
        monkeypatch.setattr(large_projects, name, value)
    root = tmp_path / "20"
    large_projects.make_folder(root, 20)
    Project.open(root, palette="cityscapes").close()
    large_projects.fill_facts(root)
    with Project.open(root) as project:
        table = project.queue.table()
        assert table.count == 20
        assert table.has_prediction.all()
        assert table.has_mask.tolist() == [number % 2 == 0 for number in range(20)]
        assert (table.predicted_pixels.sum(axis=1) == large_projects.HEIGHT * large_projects.WIDTH).all()
        assert not np.isnan(table.confidence).any()
        mask = project.load_mask(table.keys[0])
        assert mask is not None
        assert mask.shape == (large_projects.HEIGHT, large_projects.WIDTH)


def test_goals_are_named_and_null_where_they_were_not_measured() -> None:
    found: dict[int, large_projects.Figures] = {
        10_000: {"open_s": 1.5, "filter_ms": 40.0, "grid_frame_ms": 20.0}
    }
    summary = large_projects.summary(found)
    assert summary["open_10k_s"] == 1.5
    assert summary["filter_samples_10k_ms"] == 40.0
    assert summary["grid_frame_ms"] == 20.0
    assert summary["open_100k_s"] is None
