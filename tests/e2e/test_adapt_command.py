"""segstudio adapt: says what it would do, makes a version, and refuses with one line."""

import json
from pathlib import Path

import pytest

from segstudio import images, paths
from segstudio.project.project import Project
from segstudio.workflows.model_use import usable_fingerprint
from tests.colour_model import PALETTE, drawn_frame, make_wrong_model
from tests.e2e.test_command_line import Call, here

__all__ = ["here"]


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """Four accepted frames, and a model that calls most trees sky."""
    make_wrong_model(paths.user_models_dir() / "wrong")
    root = tmp_path / "street"
    for number in range(4):
        image, mask = drawn_frame(number)
        images.write_image(root / f"frame_{number}.png", image)
        images.write_mask(root / "masks" / f"frame_{number}.png", mask, PALETTE.colours())
    Project.open(root, palette="cityscapes").close()
    return root


def test_a_version_is_made_and_adapted_again(here: Call, street: Path) -> None:
    said = here("adapt", str(street), "-m", "wrong", "--dry-run")
    assert said.status == 0
    assert "nothing was kept" in said.out
    assert not (paths.user_models_dir() / "wrong-a1").exists()
    made = json.loads(here("adapt", str(street), "-m", "wrong", "--json").out)
    assert made["name"] == "wrong-a1"
    assert made["held_out"]["miou_after"] > made["held_out"]["miou_before"]
    assert set(made["seconds"]) == {"features", "fit"}
    named = here("adapt", str(street), "-m", "wrong", "--samples", "frame_1, frame_2", "--name", "rainy")
    assert "fitted to 2 samples" in named.out
    assert "this rests on 2 images alone" in named.out
    assert (paths.user_models_dir() / "rainy" / "adaptation.json").is_file()


def test_the_model_in_use_is_adapted(here: Call, street: Path) -> None:
    with Project.open(street, create=False) as project:
        project.promotions.promote("wrong", usable_fingerprint("wrong"))
    assert "wrong fitted to 4 samples" in here("adapt", str(street), "--dry-run").out


def test_what_cannot_be_done_is_said_in_a_line(here: Call, street: Path) -> None:
    taken = here("adapt", str(street), "-m", "wrong", "--name", "wrong")
    assert (taken.status, "there is a model 'wrong' already" in taken.err) == (2, True)
    unknown = here("adapt", str(street), "-m", "wrong", "--samples", "nowhere")
    assert (unknown.status, "no sample 'nowhere'" in unknown.err) == (2, True)
