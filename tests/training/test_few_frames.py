"""Trainings on parts of a split: what they learn from, what they answer, and that they repeat themselves."""

from typing import Any

import numpy as np
import pytest
import torch

from segstudio.errors import Cancelled, ModelError
from segstudio.jobs import JobContext
from segstudio.networks.architecture import Architecture
from segstudio.networks.decode_head import DecodeHead
from segstudio.training.few_frames import FewFrames, Part, groups_of
from segstudio.training.head_frames import CELLS, HeadFrames, answer, draw_cells
from segstudio.training.losses import upsample
from tests.training.conftest import SpecMaker

ROWS = np.arange(2)
LEARNERS = [FewFrames, HeadFrames]


def opened(kind: type[FewFrames], make_spec: SpecMaker, steps: int = 2, **more: Any) -> FewFrames:
    return kind(make_spec(steps=steps, **more), JobContext())


@pytest.mark.parametrize("kind", LEARNERS)
def test_equal_frames_and_seed_give_equal_networks(kind: type[FewFrames], make_spec: SpecMaker) -> None:
    learner = opened(kind, make_spec)
    first, second, other = (learner.fit(np.array([0]), seed).state_dict() for seed in (4, 4, 5))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("kind", LEARNERS)
def test_what_it_answers_is_counted_and_described(kind: type[FewFrames], make_spec: SpecMaker) -> None:
    learner = opened(kind, make_spec)
    fitted = learner.fit(ROWS, 0)
    assert [path.stem for path in learner.frames] == ["frame_0", "frame_1"]
    # The validation samples are the training samples here, so both count the same pixels.
    np.testing.assert_array_equal(learner.score(fitted), learner.ask(fitted, ROWS))
    assert learner.ask(fitted, ROWS[:1]).sum() == learner.pixels[0].sum()
    look = learner.look(fitted, ROWS)
    np.testing.assert_allclose(look.likely.sum(axis=1), 1, rtol=1e-5)
    # The second frame, which is wider, is seen at the next multiple of 32 too.
    assert look.cells.sum(axis=1).tolist() == [16 * 16, 16 * 16]
    assert (look.doubtful[look.cells == 0] == 0).all()
    assert (look.margin >= 0).all()
    assert (look.margin <= look.confidence).all()
    assert look.features.shape == (2, 256)


def test_the_head_learns_the_frames_that_it_is_shown(make_spec: SpecMaker) -> None:
    learner = opened(HeadFrames, make_spec, steps=30, train={"optim": {"lr": 3e-3}})
    counts = learner.ask(learner.fit(ROWS, 0), ROWS)
    assert np.trace(counts) > 0.9 * counts.sum()


def test_single_cells_are_answered_as_whole_maps_are() -> None:
    torch.manual_seed(0)
    dims = (4, 6, 8, 10)
    head = DecodeHead(dims, 5, 16, bias=True, dropout=0.1).eval()
    maps = [torch.randn(1, dim, 16 >> level, 24 >> level) for level, dim in enumerate(dims)]
    cells = torch.cat([upsample(level, (16, 24))[0].flatten(1).T for level in maps], 1)
    torch.testing.assert_close(answer(head, cells), head(maps)[0].flatten(1).T, rtol=1e-4, atol=1e-5)


def test_half_of_the_cells_show_every_class_alike() -> None:
    truth = np.full(10_000, 7, np.uint8)
    truth[:20], truth[20:5000] = 3, 255
    chosen = truth[draw_cells(truth, 400, 1)]
    assert len(chosen) == 400
    assert 255 not in chosen
    assert 70 <= np.count_nonzero(chosen == 3) <= 130


def test_cells_without_any_truth_are_drawn_too() -> None:
    assert len(draw_cells(np.full(50, 255, np.uint8), CELLS, 0)) == CELLS


def test_frames_of_one_size_are_looked_at_together() -> None:
    sizes = [(4, 4)] * 3 + [(4, 6)] + [(4, 4)] * 10
    assert list(groups_of(np.arange(1, 14), sizes)) == [[1, 2], [3], [*range(4, 12)], [12, 13]]


def test_a_part_is_its_samples(make_spec: SpecMaker) -> None:
    learner = opened(FewFrames, make_spec)
    whole = learner._source
    part = Part(whole, np.array([1]))
    assert (len(part), part.name(0), part.paths(0)) == (1, whole.name(1), whole.paths(1))
    np.testing.assert_array_equal(part.load_image(0), whole.load(1)[0])
    np.testing.assert_array_equal(part.load(0)[1], whole.load(1)[1])
    assert part.pixels.tolist() == [whole.pixels[1].tolist()]


def test_a_training_ends_when_it_is_asked_to(make_spec: SpecMaker) -> None:
    context = JobContext()
    learner = FewFrames(make_spec(steps=2), context)
    context.cancel()
    with pytest.raises(Cancelled):
        learner.fit(ROWS, 0)


def test_a_head_of_another_form_is_refused(make_spec: SpecMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    from segstudio.training import prepare

    wanted = Architecture("mit_b0", 19, 256, "mmseg")
    monkeypatch.setattr(prepare, "architecture_of", lambda *_: wanted)
    with pytest.raises(ModelError, match="--trainer full"):
        opened(HeadFrames, make_spec)
