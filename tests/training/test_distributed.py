"""Two processes learn as one with the double batch does; what they share is exact; who fails is named."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.multiprocessing.spawn import spawn

from segstudio.errors import SegstudioError, SpecError
from segstudio.jobs import JobContext
from segstudio.training.checkpoint import read_checkpoint
from segstudio.training.distributed import Seat, company, take_seat
from segstudio.training.events import read_events
from segstudio.training.journal import Journal
from segstudio.training.loop import TrainResult, train
from segstudio.training.prepare import prepare
from segstudio.training.shared_norm import SharedBatchNorm2d, with_shared_norms
from segstudio.training.spec.load import spec_yaml
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.step import training_step
from tests.training.conftest import SIDE, SpecMaker

CALM: dict[str, Any] = {"drop_path": 0.0, "head_dropout": 0.0, "log_every": 1}


def crops(batch: int) -> list[dict[str, Any]]:
    return [{"height": SIDE, "width": SIDE, "batch": batch}]


def told(result: TrainResult, kind: str) -> list[dict[str, Any]]:
    return [event for event in read_events(result.folder) if event["kind"] == kind]


def losses(result: TrainResult) -> list[float]:
    return [event["loss"] for event in told(result, "step")]


def test_two_processes_learn_as_one_with_the_double_batch(make_spec: SpecMaker) -> None:
    train_keys = {"validation_interval": 5, "optim": {"lr": 1e-3, "optim": "sgd"}}
    alone = train(
        make_spec("one", steps=5, studio={**CALM, "crops": crops(2)}, train=train_keys), JobContext()
    )
    both = train(
        make_spec("two", steps=5, studio={**CALM, "crops": crops(1)}, train={**train_keys, "num_gpus": 2}),
        JobContext(),
    )
    assert len(losses(alone)) == 5
    np.testing.assert_allclose(losses(both), losses(alone), rtol=0, atol=1e-5)
    assert told(both, "validation")[0]["iou"] == told(alone, "validation")[0]["iou"]
    assert (both.miou, both.aacc) == (alone.miou, alone.aacc)
    ours, theirs = (load_file(result.folder / "latest.safetensors") for result in (alone, both))
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        torch.testing.assert_close(theirs[name], tensor, rtol=1e-4, atol=1e-5, msg=name)
    assert len(read_checkpoint(both.folder / "latest.pth")["chances"]) == 2


def test_accumulated_batches_move_the_weights_as_one_batch_does(make_spec: SpecMaker, tmp_path: Path) -> None:
    images = torch.randint(0, 256, (2, 3, SIDE, SIDE), dtype=torch.uint8)
    ids = torch.full((2, SIDE, SIDE), 10, dtype=torch.uint8)
    ids[:, 20:] = 0
    # One sample counts hardly any pixel: a mean of the batches' means would weigh it as much as the other.
    ids[1, 2:] = 255
    weights = []
    for parts in (1, 2):
        spec = make_spec(f"{parts}", studio=CALM, train={"optim": {"optim": "sgd", "lr": 0.1}})
        with Journal(tmp_path, JobContext(), spec, silent=True) as journal:
            run = prepare(spec, JobContext(), journal)
        norm = run.state.network.get_submodule("decode_head.linear_fuse.bn")
        # It would see each batch alone, which is no matter of amounts.
        norm.register_forward_pre_hook(lambda module, _inputs: module.eval() and None)
        loss = training_step(run, list(zip(images.chunk(parts), ids.chunk(parts), strict=True)))
        weights.append((loss, dict(run.state.network.named_parameters())))
    (whole_loss, whole), (parts_loss, in_parts) = weights
    assert float(parts_loss) == pytest.approx(float(whole_loss), rel=1e-5)
    for name, tensor in whole.items():
        torch.testing.assert_close(in_parts[name], tensor, rtol=1e-4, atol=1e-6, msg=name)


def _norm_in_process(rank: int, folder: str) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=(Path(folder) / "port").read_text())
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    torch.manual_seed(0)
    shared = nn.Sequential(nn.BatchNorm2d(3))
    with_shared_norms(shared, torch.device("cpu"))
    x = torch.randn(4, 3, 5, 6) * 3 + 7
    part = x[rank * 2 : rank * 2 + 2].clone().requires_grad_()
    (shared(part) ** 3).sum().backward()
    assert part.grad is not None
    torch.save({"gradient": part.grad, "state": shared.state_dict()}, Path(folder) / f"{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_shared_norm_equals_torchs_on_the_whole_batch(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        (tmp_path / "port").write_text(str(probe.getsockname()[1]))
    spawn(_norm_in_process, (str(tmp_path),), nprocs=2)  # type: ignore[no-untyped-call]  # torch has no types
    torch.manual_seed(0)
    norm = nn.Sequential(nn.BatchNorm2d(3))
    x = (torch.randn(4, 3, 5, 6) * 3 + 7).requires_grad_()
    (norm(x) ** 3).sum().backward()
    parts = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    assert x.grad is not None
    torch.testing.assert_close(torch.cat([part["gradient"] for part in parts]), x.grad, rtol=1e-4, atol=1e-4)
    for part in parts:
        assert part["state"].keys() == norm.state_dict().keys()
        for name, tensor in norm.state_dict().items():
            torch.testing.assert_close(part["state"][name], tensor, msg=name)


def test_shared_norms_keep_the_state_and_measure_as_before() -> None:
    norm = nn.BatchNorm2d(4, eps=1e-3)
    assert norm.running_mean is not None
    norm.running_mean.fill_(2.0)
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sequential(norm))
    x = torch.randn(2, 3, 4, 4)
    expected, names = network.eval()(x), list(network.state_dict())
    with_shared_norms(network, torch.device("cpu"))
    assert isinstance(network.get_submodule("1.0"), SharedBatchNorm2d)
    assert list(network.state_dict()) == names
    torch.testing.assert_close(network.eval()(x), expected)


def _fail(seat: Seat) -> None:
    raise SystemExit(f"{seat.rank} gives up")


@pytest.mark.slow
def test_a_process_that_fails_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        pytest.raises(SegstudioError, match="process 1 of the training ended with exit code 1"),
        company(Seat(ranks=2, starts_others=True), _fail),
    ):
        raise RuntimeError("connection closed by peer")
    assert "1 gives up" in capfd.readouterr().err


def test_seats(make_spec: SpecMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = make_spec(), make_spec(train={"num_gpus": 2})
    assert take_seat(one) == Seat()
    started = take_seat(two)
    assert (started.rank, started.ranks, started.starts_others) == (0, 2, True)
    with pytest.raises(SpecError, match="torchrun --nnodes"):
        take_seat(make_spec(train={"num_nodes": 2}))
    surroundings = {
        "RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "1",
        "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500",
    }  # fmt: skip
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    spec = make_spec(train={"num_gpus": 2, "num_nodes": 2})
    assert take_seat(spec) == Seat(3, 1, 4, 1, "10.0.0.1", 29500)
    with pytest.raises(SpecError, match="torchrun has 4 processes"):
        take_seat(one)


@pytest.mark.slow
def test_two_processes_stop_and_go_on(make_spec: SpecMaker) -> None:
    def spec(folder: str) -> ExperimentSpec:
        keys = {"num_gpus": 2, "validation_interval": 2}
        return make_spec(folder, steps=4, studio={"log_every": 1, "crops": crops(1)}, train=keys, workers=1)

    def hear(event: object) -> None:
        assert isinstance(event, dict)
        if event["kind"] == "step" and event["step"] == 2:
            context.cancel()

    whole = train(spec("whole"), JobContext())
    context = JobContext(on_event=hear)
    stopped = train(spec("parts"), context)
    assert (stopped.stopped, stopped.steps) == (True, 2)
    resumed = train(spec("parts"), JobContext())
    one, other = (read_checkpoint(result.folder / "latest.pth") for result in (whole, resumed))
    assert all(torch.equal(tensor, other["network"][name]) for name, tensor in one["network"].items())
    for rank in range(2):
        assert torch.equal(one["chances"][rank]["torch"], other["chances"][rank]["torch"])
    assert one["best_miou"] == other["best_miou"]


@pytest.mark.slow
def test_torchrun_starts_the_processes(make_spec: SpecMaker, tmp_path: Path) -> None:
    spec = make_spec("torn", steps=1, studio={**CALM, "crops": crops(1)}, train={"num_gpus": 2})
    file = tmp_path / "spec.yaml"
    file.write_text(spec_yaml(spec), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
         "-m", "segstudio", "train", "-e", str(file)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    events = list(read_events(Path(spec.results_dir) / "train"))
    assert [event["processes"] for event in events if event["kind"] == "start"] == [2]
    assert len([event for event in events if event["kind"] == "end"]) == 1
