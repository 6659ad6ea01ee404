"""Learning rates, parameter groups and the moving average, against values by hand."""

import math
import platform

import pytest
import torch

from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import SegFormer
from segstudio.training.optimisation import (
    build_optimiser,
    copy_weights,
    does_decay,
    learning_rate,
    set_learning_rate,
    update_average,
)
from segstudio.training.process import keep_freed_memory
from tests.training.conftest import SpecMaker


def test_rate_warms_up_then_falls_to_nothing_at_the_end(make_spec: SpecMaker) -> None:
    schedule = {"policy": "poly", "warmup_share": 0.1, "power": 2.0}
    spec = make_spec(studio={"schedule": schedule, "optim": {"head_lr_factor": 10.0}})
    optimiser = build_optimiser(spec, SegFormer(Architecture("mit_b0", 4)))
    rates = [set_learning_rate(optimiser, spec, step, 100) for step in range(101)]
    assert rates[:10] == pytest.approx([1e-3 * (step + 1) / 10 for step in range(10)])
    assert rates[10] == pytest.approx(1e-3)
    assert rates[55] == pytest.approx(1e-3 * 0.25)
    assert rates[100] == 0.0
    set_learning_rate(optimiser, spec, 55, 100)
    assert {round(group["lr"], 9) for group in optimiser.param_groups} == {0.00025, 0.0025}


def rates(make_spec: SpecMaker, policy: str, **schedule: float) -> list[float]:
    spec = make_spec(
        train={"optim": {"lr": 1.0, "policy": policy}},
        studio={"schedule": {"policy": "", "warmup_share": 0.0, **schedule}},
    )
    return [learning_rate(spec, step, 90) for step in range(91)]


def test_policies_by_hand(make_spec: SpecMaker) -> None:
    linear = rates(make_spec, "linear")
    assert [linear[0], linear[45], linear[90]] == pytest.approx([1.0, 0.5, 0.0])
    # TAO's steps work for any length here, and no epoch has to be whole.
    step = rates(make_spec, "step")
    assert [step[0], step[29], step[30], step[59], step[60], step[90]] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01]
    )
    cosine = rates(make_spec, "cosine", end=0.1)
    assert cosine[30] == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi / 3)) / 2)
    assert cosine[90] == pytest.approx(0.1)
    assert set(rates(make_spec, "constant")) == {1.0}


def test_warm_up_follows_the_length_of_the_run(make_spec: SpecMaker) -> None:
    spec = make_spec(train={"optim": {"lr": 1.0}}, studio={"schedule": {"warmup_share": 0.5}})
    assert learning_rate(spec, 0, 4) == pytest.approx(0.5)
    assert learning_rate(spec, 0, 4000) == pytest.approx(1 / 2000)
    assert learning_rate(spec, 2000, 4000) == 1.0


@pytest.mark.parametrize(
    ("name", "kind"), [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)]
)
def test_optimisers_by_name(make_spec: SpecMaker, name: str, kind: type) -> None:
    spec = make_spec(
        train={"optim": {"optim": name, "momentum": 0.7}}, studio={"optim": {"betas": [0.5, 0.99]}}
    )
    optimiser = build_optimiser(spec, SegFormer(Architecture("mit_b0", 4)))
    assert type(optimiser) is kind
    wanted = {"momentum": 0.7} if name == "sgd" else {"betas": (0.5, 0.99)}
    assert wanted.items() <= optimiser.param_groups[0].items()


def test_tokens_and_positions_do_not_decay() -> None:
    table, row = torch.nn.Parameter(torch.zeros(1, 9, 4)), torch.nn.Parameter(torch.zeros(4))
    assert not does_decay("backbone.pos_embed", table)
    assert not does_decay("backbone.cls_token", table)
    assert not does_decay("backbone.norm1.weight", row)
    assert does_decay("backbone.blocks.0.attn.q.weight", torch.nn.Parameter(torch.zeros(4, 4)))


def test_norms_and_biases_do_not_decay(make_spec: SpecMaker) -> None:
    network = SegFormer(Architecture("mit_b0", 4))
    optimiser = build_optimiser(make_spec(train={"optim": {"weight_decay": 0.05}}), network)
    decay = {id(p): group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}
    for name, parameter in network.named_parameters():
        plain = name.endswith("bias") or "norm" in name or ".bn." in name
        assert decay[id(parameter)] == (0.0 if plain else 0.05), name
    assert len(decay) == sum(1 for _ in network.parameters())


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


def test_allocator_is_told_only_where_it_listens() -> None:
    assert keep_freed_memory() == (platform.libc_ver()[0] == "glibc")
