"""Muon against torch's own, its matrices against their singular values, and AdamW for the rest."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import SegFormer
from segstudio.training.muon import Muon, orthogonal
from segstudio.training.optimisation import build_optimiser, is_matrix
from tests.training.conftest import SpecMaker


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.integers(1, 24), st.integers(1, 24), st.integers(-4, 4))
def test_singular_values_become_one_and_directions_stay(n: int, rows: int, columns: int, power: int) -> None:
    generator = torch.Generator().manual_seed(rows * columns)
    # Singular values within a factor of ten: far smaller ones take more iterations, in torch's version too.
    left = torch.linalg.qr(torch.randn(n, rows, rows, generator=generator))[0]
    right = torch.linalg.qr(torch.randn(n, columns, columns, generator=generator))[0]
    side = min(rows, columns)
    values = torch.linspace(1.0, 0.2, side)
    matrices = left[:, :, :side] * values @ right[:, :side]
    moved = orthogonal(10.0**power * matrices)
    assert moved.shape == matrices.shape
    found = torch.linalg.svdvals(moved)
    assert float(found.min()) > 0.6
    assert float(found.max()) < 1.3
    # The same directions: in the old singular vectors the new matrix is diagonal.
    turned = left[:, :, :side].transpose(1, 2) @ moved @ right[:, :side].transpose(1, 2)
    off = turned - torch.diag_embed(turned.diagonal(dim1=1, dim2=2))
    assert float(off.abs().max()) < 1e-3


def moved(optimiser: torch.optim.Optimizer, parameter: nn.Parameter, gradients: list[Tensor]) -> Tensor:
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimiser.step()
    return parameter.detach().clone()


def test_matrices_move_as_torchs_muon_moves_them() -> None:
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(12, 30, generator=generator)
    gradients = [torch.randn(12, 30, generator=generator) for _ in range(4)]
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    group = {"params": [ours], "weight_decay": 0.1, "matrices": True}
    reference = torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    got = moved(Muon([group], lr=0.02), ours, gradients)
    wanted = moved(reference, theirs, gradients)
    # Theirs computes in bfloat16.
    assert float((got - wanted).norm() / (wanted - start).norm()) < 0.02


def test_the_rest_moves_as_adamw_moves_it() -> None:
    generator = torch.Generator().manual_seed(2)
    start = torch.randn(7, generator=generator)
    gradients = [torch.randn(7, generator=generator) for _ in range(3)]
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    mixed = Muon(
        [
            {"params": [ours], "weight_decay": 0.05},
            {"params": [nn.Parameter(torch.zeros(3, 2, 1, 1))], "weight_decay": 0.0, "matrices": True},
        ],
        lr=0.01,
        betas=(0.8, 0.99),
    )
    reference = torch.optim.AdamW([theirs], lr=0.01, betas=(0.8, 0.99), weight_decay=0.05)
    assert torch.equal(moved(mixed, ours, gradients), moved(reference, theirs, gradients))


def test_a_restored_optimiser_goes_on_alike() -> None:
    generator = torch.Generator().manual_seed(3)
    gradients = [torch.randn(4, 3, 3, 3, generator=generator) for _ in range(4)]

    def made() -> tuple[Muon, nn.Parameter]:
        parameter = nn.Parameter(torch.ones(4, 3, 3, 3))
        return Muon([{"params": [parameter], "weight_decay": 0.1, "matrices": True}], lr=0.01), parameter

    whole, parameter = made()
    wanted = moved(whole, parameter, gradients)
    first, half = made()
    moved(first, half, gradients[:2])
    second, rest = made()
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    rest.data.copy_(half.data)
    assert torch.equal(moved(second, rest, gradients[2:]), wanted)


def test_it_moves_what_mixes_channels(make_spec: SpecMaker) -> None:
    network = SegFormer(Architecture("mit_b0", 4))
    optimiser = build_optimiser(make_spec(studio={"optim": {"muon": True}}), network)
    assert isinstance(optimiser, Muon)
    matrices = {id(p) for group in optimiser.param_groups if group["matrices"] for p in group["params"]}
    chosen = {name for name, p in network.named_parameters() if id(p) in matrices}
    assert "backbone.block1.0.attn.q.weight" in chosen
    assert "backbone.patch_embed2.proj.weight" in chosen
    assert "decode_head.linear_fuse.conv.weight" in chosen
    assert not any("dwconv" in name or "norm" in name or name.endswith("bias") for name in chosen)
    assert "decode_head.linear_pred.weight" not in chosen
    assert not is_matrix("backbone.pos_embed", nn.Parameter(torch.zeros(9, 4)))
    members = [p for group in optimiser.param_groups for p in group["params"]]
    assert len(members) == len({id(p) for p in members}) == sum(1 for _ in network.parameters())


def test_plain_specs_have_no_muon(make_spec: SpecMaker) -> None:
    optimiser = build_optimiser(make_spec(), SegFormer(Architecture("mit_b0", 4)))
    assert type(optimiser) is torch.optim.AdamW
    with pytest.raises(KeyError):
        optimiser.param_groups[0]["matrices"]
