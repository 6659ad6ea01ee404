"""The objective of a spec: its parts by their weights, and steps that are made of several batches."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from segstudio.training.losses import upsample
from segstudio.training.objective import Objective, class_weights
from tests.training.conftest import SpecMaker

CPU = torch.device("cpu")
PIXELS = np.array([900, 90, 10, 0], np.int64)


def batch(seed: int, ignored: float) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 4, 4, 5, generator=generator)
    ids = torch.randint(0, 4, (2, 16, 20), generator=generator)
    ids[torch.rand(ids.shape, generator=generator) < ignored] = 255
    return logits, ids


def objective(make_spec: SpecMaker, **loss: Any) -> Objective:
    spec = make_spec(studio={"loss": {**loss, "class_weights": []}})
    # The frames' palette has other classes; the parts alone matter here.
    parts = dataclasses.replace(spec.studio.loss, class_weights=tuple(loss.get("class_weights", ())))
    return Objective(
        dataclasses.replace(spec, studio=dataclasses.replace(spec.studio, loss=parts)), PIXELS, CPU
    )


def test_plain_cross_entropy_is_torchs_mean_over_counted_pixels(make_spec: SpecMaker) -> None:
    logits, ids = batch(0, 0.3)
    wanted = F.cross_entropy(upsample(logits, (16, 20)), ids, ignore_index=255)
    torch.testing.assert_close(objective(make_spec)(logits, ids), wanted)
    assert float(objective(make_spec).amount(ids)) == int((ids != 255).sum())


@pytest.mark.parametrize(
    "loss",
    [
        {},
        {"class_weight_strength": 0.5},
        {"class_weights": [1.0, 2.0, 0.5, 1.0], "label_smoothing": 0.1},
        {"boundary": 2.0, "focal": 0.7},
    ],
)
def test_batches_of_a_step_add_up_to_one_large_batch(make_spec: SpecMaker, loss: dict[str, Any]) -> None:
    """Whatever share of its pixels each batch ignores."""
    both = objective(make_spec, **loss)
    (logits_a, ids_a), (logits_b, ids_b) = batch(0, 0.1), batch(1, 0.8)
    whole = both(torch.cat([logits_a, logits_b]), torch.cat([ids_a, ids_b]))
    total = both.amount(ids_a) + both.amount(ids_b)
    torch.testing.assert_close(both(logits_a, ids_a, total) + both(logits_b, ids_b, total), whole)


def test_parts_that_are_no_mean_are_averaged_by_their_pixels(make_spec: SpecMaker) -> None:
    both = objective(make_spec, ce=0.0, dice=1.0, lovasz=0.5)
    (logits_a, ids_a), (logits_b, ids_b) = batch(0, 0.1), batch(1, 0.8)
    first, second = both.amount(ids_a), both.amount(ids_b)
    shares = both(logits_a, ids_a, first + second) + both(logits_b, ids_b, first + second)
    wanted = (first * both(logits_a, ids_a) + second * both(logits_b, ids_b)) / (first + second)
    torch.testing.assert_close(shares, wanted)


def test_hardest_pixels_do_so_too(make_spec: SpecMaker) -> None:
    both = objective(make_spec, hardest_share=0.5)
    logits, ids = batch(0, 0.2)
    amount = 4 * both.amount(ids)
    torch.testing.assert_close(both(logits, ids, amount), both(logits, ids) / 4)


def test_taos_mmiou_takes_the_place_of_cross_entropy(make_spec: SpecMaker) -> None:
    spec = make_spec(train={"segment": {"loss": "mmiou"}})
    logits, ids = batch(0, 0.2)
    loss = Objective(spec, PIXELS, CPU)(logits, ids)
    assert -2 <= float(loss) < 0


def test_nothing_counted_is_no_loss_and_no_gradient(make_spec: SpecMaker) -> None:
    everything = {"dice": 1.0, "focal": 1.0, "lovasz": 1.0, "boundary": 1.0}
    logits, ids = batch(0, 0.0)
    logits.requires_grad_()
    loss = objective(make_spec, **everything)(logits, torch.full_like(ids, 255))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert float(loss.detach()) == 0.0
    assert not gradient.any()


def test_weights_of_rare_classes_grow_with_the_strength() -> None:
    assert class_weights(PIXELS, 0.0, (), CPU) is None
    weights = class_weights(PIXELS, 0.5, (), CPU)
    assert weights is not None
    raw = np.array([0.9, 0.09, 0.01]) ** -0.5
    torch.testing.assert_close(weights[:3], torch.tensor(raw / raw.mean(), dtype=torch.float32))
    assert float(weights[3]) == 1.0
    given = class_weights(PIXELS, 0.5, (1.0, 2.0, 3.0, 4.0), CPU)
    assert given is not None
    assert given.tolist() == [1.0, 2.0, 3.0, 4.0]
