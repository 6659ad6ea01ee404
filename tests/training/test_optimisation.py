"""Learning rates, parameter groups, class weights and the moving average, against values by hand."""

import platform

import numpy as np
import pytest
import torch

from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import SegFormer
from segstudio.training.optimisation import (
    build_optimiser,
    class_weights,
    copy_weights,
    epoch_steps,
    set_learning_rate,
    update_average,
)
from segstudio.training.process import keep_freed_memory
from tests.training.conftest import SpecMaker


def test_rate_warms_up_then_falls_to_nothing_at_the_end(make_spec: SpecMaker) -> None:
    spec = make_spec(studio={"warmup_share": 0.1, "poly_power": 2.0, "head_lr_factor": 10.0})
    optimiser = build_optimiser(spec, SegFormer(Architecture("mit_b0", 4)))
    rates = [set_learning_rate(optimiser, spec, step, 100) for step in range(101)]
    assert rates[:10] == pytest.approx([1e-3 * (step + 1) / 10 for step in range(10)])
    assert rates[10] == pytest.approx(1e-3)
    assert rates[55] == pytest.approx(1e-3 * 0.25)
    assert rates[100] == 0.0
    set_learning_rate(optimiser, spec, 55, 100)
    assert {round(group["lr"], 9) for group in optimiser.param_groups} == {0.00025, 0.0025}


def test_norms_and_biases_do_not_decay(make_spec: SpecMaker) -> None:
    network = SegFormer(Architecture("mit_b0", 4))
    optimiser = build_optimiser(make_spec(train={"optim": {"weight_decay": 0.05}}), network)
    decay = {id(p): group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}
    for name, parameter in network.named_parameters():
        plain = name.endswith("bias") or "norm" in name or ".bn." in name
        assert decay[id(parameter)] == (0.0 if plain else 0.05), name
    assert len(decay) == sum(1 for _ in network.parameters())


def test_class_weights_have_mean_one_over_the_classes_that_occur() -> None:
    weights = class_weights(np.array([900, 100, 0], np.int64), 0.5, torch.device("cpu"))
    assert weights is not None
    raw = np.array([0.9, 0.1]) ** -0.5
    assert weights.tolist() == pytest.approx([*(raw / raw.mean()), 1.0])
    assert class_weights(np.array([1, 2], np.int64), 0.0, torch.device("cpu")) is None


def test_moving_average_by_hand() -> None:
    layer = torch.nn.BatchNorm1d(1)
    average = copy_weights(layer)
    layer.load_state_dict({**average, "weight": torch.tensor([3.0]), "num_batches_tracked": torch.tensor(7)})
    update_average(average, layer, 0.9, step=10**6)
    assert average["weight"].item() == pytest.approx(0.9 * 1.0 + 0.1 * 3.0)
    assert average["num_batches_tracked"].item() == 7
    # The first steps keep little of the random start.
    update_average(average, layer, 0.9, step=1)
    assert average["weight"].item() == pytest.approx(1.2 * 2 / 11 + 3.0 * 9 / 11)


def test_epochs_round_up(make_spec: SpecMaker) -> None:
    assert [epoch_steps(make_spec(), samples) for samples in (1, 2, 3, 7)] == [1, 1, 2, 4]


def test_allocator_is_told_only_where_it_listens() -> None:
    assert keep_freed_memory() == (platform.libc_ver()[0] == "glibc")
