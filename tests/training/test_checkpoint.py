"""Checkpoints are whole or not there, also on a full disk; what is kept is what the spec asks for."""

import errno
import os
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from segstudio.errors import ModelError, SegstudioError, SpecError
from segstudio.jobs import JobContext
from segstudio.networks.architecture import Architecture
from segstudio.networks.checkpoint_file import read_checkpoint_file
from segstudio.networks.pretrained import load_pretrained
from segstudio.networks.segformer import SegFormer
from segstudio.training import checkpoint, keepers
from segstudio.training.events import read_events
from segstudio.training.loop import train
from tests.training.conftest import SpecMaker

GOOD, FULL = {"step": 1, "weights": torch.ones(4)}, {"step": 2, "weights": torch.zeros(300_000)}


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_disk_that_is_full_leaves_the_older_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "latest.pth"
    checkpoint.write_beside(path, GOOD)
    before = path.read_bytes()
    for point in ("fsync", "replace"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, point, refuse)
            with pytest.raises(
                SegstudioError, match=r"latest\.pth.*No space left.*needs 1 MB, \d+ MB are free"
            ):
                checkpoint.write_beside(path, FULL)
        assert path.read_bytes() == before
        assert files(tmp_path) == {"latest.pth"}


def refuse(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("room", [0, 100, 5_000, 1_000_000])
def test_a_disk_that_fills_up_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    path = tmp_path / "latest.pth"
    checkpoint.write_beside(path, GOOD)
    before = path.read_bytes()
    written = 0

    class Disk:
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        def __enter__(self) -> "Disk":
            return self

        def __exit__(self, *_: object) -> None:
            self._stream.close()

        def write(self, content: Any) -> int:
            nonlocal written
            written += len(content)
            if written > room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return int(self._stream.write(content))

        def __getattr__(self, name: str) -> Any:
            return getattr(self._stream, name)

    def opened(path: Path, mode: str) -> Disk:
        return Disk(path.open(mode))

    monkeypatch.setattr(checkpoint, "open", opened, raising=False)
    with pytest.raises(SegstudioError, match=r"latest\.pth cannot be written: .*needs 1 MB"):
        checkpoint.write_beside(path, FULL)
    monkeypatch.undo()
    assert written > room
    assert path.read_bytes() == before
    assert files(tmp_path) == {"latest.pth"}


def test_a_run_on_a_full_disk_says_so_and_goes_on_later(
    make_spec: SpecMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_spec(steps=2, train={"checkpoint_interval": 1})
    folder = Path(spec.results_dir) / "train"
    real, calls = checkpoint.write_beside, 0

    def second_fails(path: Path, values: dict[str, Any]) -> None:
        nonlocal calls
        calls += path.name == checkpoint.LATEST
        if calls == 2:
            monkeypatch.setattr(os, "fsync", refuse)
        real(path, values)

    monkeypatch.setattr(checkpoint, "write_beside", second_fails)
    with pytest.raises(SegstudioError, match=r"latest\.pth cannot be written: No space left"):
        train(spec, JobContext())
    monkeypatch.undo()
    assert checkpoint.read_checkpoint(folder / "latest.pth")["step"] == 1
    assert not [name for name in files(folder) if name.endswith(".part")]
    assert list(read_events(folder))[-1]["kind"] == "failed"
    assert train(spec, JobContext()).steps == 2


def test_kept_checkpoints_are_read_as_taos(make_spec: SpecMaker) -> None:
    result = train(make_spec(steps=2, train={"checkpoint_interval": 1, "checkpointer": None}), JobContext())
    kept = ["model_epoch_000_step_00001.pth", "model_epoch_001_step_00002.pth"]
    assert sorted(name for name in files(result.folder) if name.startswith("model_")) == kept
    link = result.folder / keepers.LATEST_LINK
    assert link.resolve().name == kept[-1]
    raw = torch.load(link, weights_only=True)
    assert {"epoch", "global_step", "state_dict"} <= raw.keys()
    # The names that TAO's own network has.
    assert {
        "model.backbone.block1.0.attn.q.weight",
        "model.decoder.linear_c4.proj.weight",
        "model.decoder.linear_fuse.0.weight",
        "model.decoder.linear_fuse.0.bias",
        "model.decoder.linear_fuse.1.running_var",
        "model.decoder.linear_pred.bias",
    } <= raw["state_dict"].keys()
    file = read_checkpoint_file(link)
    assert file.config["architecture"]["backbone"] == "mit_b0"
    assert file.classes[10] == "sky"
    state = checkpoint.read_checkpoint(result.folder / "latest.pth")
    networks = [SegFormer(keepers.in_tao_form(state["average"], arch())[1]) for _ in range(2)]
    assert load_pretrained(networks[0], str(link)).share == 1.0
    load_pretrained(networks[1], str(result.folder / "latest.safetensors"))
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    own, theirs = (network.eval() for network in networks)
    torch.nn.init.zeros_(theirs.get_parameter("decode_head.linear_fuse.conv.bias"))
    torch.testing.assert_close(own(x), theirs(x))


def arch() -> Architecture:
    return Architecture("mit_b0", 19)


def test_the_best_are_kept_by_their_score(make_spec: SpecMaker, tmp_path: Path) -> None:
    spec = make_spec(train={"checkpointer": {"enable_topk": True, "save_top_k": 2}})
    network = SegFormer(arch())
    state = checkpoint.TrainingState(network, {"x": torch.zeros(1)}, torch.optim.SGD(network.parameters()))
    scores = [0.1, 0.3, 0.2, 0.05, 0.3]
    written = []
    for step, score in enumerate(scores, 1):
        state.step = step
        state.average = {"decode_head.linear_fuse.conv.weight": torch.full((2, 2, 1, 1), float(step))}
        written.append(keepers.keep_if_best(tmp_path, state, 0, spec, {"val_miou": score}) is not None)
    assert written == [True, True, True, False, True]
    assert [score for score, _ in state.kept] == [0.3, 0.3]
    assert files(tmp_path) == {name for _, name in state.kept} | {keepers.LATEST_LINK}
    assert {name for _, name in state.kept} == {keepers.checkpoint_name(0, step) for step in (2, 5)}
    # What a resumed run does again changes nothing.
    keepers.keep_if_best(tmp_path, state, 0, spec, {"val_miou": 0.3})
    assert len(state.kept) == 2


def test_impossible_checkpointers_are_refused_before_the_start(make_spec: SpecMaker) -> None:
    for values, words in (({"monitor": "val_iou"}, "monitor"), ({"mode": "most"}, "mode")):
        with pytest.raises(SpecError, match=words):
            train(make_spec(train={"checkpointer": {"enable_topk": True, **values}}), JobContext())


def test_going_on_from_a_file_of_another_folder(make_spec: SpecMaker, tmp_path: Path) -> None:
    keys = {"checkpoint_interval": 2, "seed": 5, "checkpointer": None}
    whole = train(make_spec("whole", steps=3, train=keys), JobContext())
    state = checkpoint.read_checkpoint(whole.folder / "latest.pth")
    earlier = tmp_path / "earlier.pth"
    stopper = JobContext(on_event=lambda event: stopper.cancel() if event["kind"] == "checkpoint" else None)  # type: ignore[index]  # events are dicts
    stopped = train(make_spec("parts", steps=3, train=keys), stopper)
    assert (stopped.stopped, stopped.steps) == (True, 2)
    shutil.move(stopped.folder / "latest.pth", earlier)
    named = make_spec("other", steps=3, train={**keys, "resume_training_checkpoint_path": str(earlier)})
    resumed = checkpoint.read_checkpoint(train(named, JobContext()).folder / "latest.pth")
    assert all(torch.equal(tensor, resumed["network"][name]) for name, tensor in state["network"].items())
    weights = str(whole.folder / keepers.LATEST_LINK)
    third = make_spec("third", train={**keys, "resume_training_checkpoint_path": weights})
    with pytest.raises(ModelError, match="pretrained_model_path"):
        train(third, JobContext())


def test_chance_goes_back(tmp_path: Path) -> None:
    checkpoint.write_beside(tmp_path / "now.pth", {"chance": checkpoint.Chance.now()})

    def drawn() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002

    first = drawn()
    assert drawn() != first
    checkpoint.Chance.set(torch.load(tmp_path / "now.pth", weights_only=True)["chance"])
    assert drawn() == first
