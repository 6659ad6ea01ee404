"""Our model beside transformers' on the same weights: both answer alike where both see the same pixels."""

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from segstudio.deploy.export import Exported
from segstudio.deploy.peers import PEERS as MADE
from segstudio.deploy.peers import PlainExport, Transformers
from segstudio.errors import BackendError, InputError, ModelError
from segstudio.inference.backend import Options, open_backend
from segstudio.inference.spec import ResizeRule, save_spec
from segstudio.scenes.street import draw_scene
from segstudio.workflows.bench_against import LEAST_ROUNDS, PEERS, bench_against
from segstudio.workflows.model_export import export_weights
from tests.inference.conftest import SHORT_SIDE, session_home, tiny_model

__all__ = ["session_home", "tiny_model"]

needs_transformers = pytest.mark.skipif(
    importlib.util.find_spec("transformers") is None, reason="transformers is not installed"
)


def test_one_table_of_peers() -> None:
    assert tuple(MADE) == PEERS


@needs_transformers
@pytest.mark.parametrize("peer", PEERS)
def test_both_sides_take_turns_and_answer_alike(tiny_model: Exported, peer: str) -> None:
    threads = torch.get_num_threads()
    try:
        found = bench_against(
            str(tiny_model.folder), peer, sizes=[(96, SHORT_SIDE), (64, 64)], seconds=0.01, options=Options(1)
        )
    finally:
        torch.set_num_threads(threads)
    assert [(row.width, row.height) for row in found.rows] == [(96, 64), (64, 64)]
    for row in found.rows:
        assert row.rounds >= LEAST_ROUNDS
        assert row.equal > 0.999
        assert row.ratio == pytest.approx(row.theirs_ms["p50"] / row.ours_ms["p50"], abs=0.002)
        assert 0 < row.ours_ms["p50"] <= row.ours_ms["p99"]
    lines = found.lines()
    assert len(lines) == 3
    assert f"{found.rows[0].ratio:.2f}x" in lines[1]


@needs_transformers
def test_other_sizes_are_seen_as_ours_sees_them(tiny_model: Exported, tmp_path: Path) -> None:
    spec = tiny_model.spec
    export_weights(tiny_model.folder, tmp_path / "theirs", "huggingface")
    # Larger than the network's size: only the plain export resizes as we do.
    image = draw_scene(3, 128, 160).image
    backend = open_backend(tiny_model.folder, spec, options=Options(1))
    ours = backend.run(image[None])[0][0]
    backend.close()
    plain = PlainExport(tmp_path / "theirs", spec, 1)
    assert np.mean(plain.ids(image) == ours) > 0.999
    small = plain.ids(image[:64, :64])
    assert small.shape == (64, 64)
    processed = Transformers(tmp_path / "theirs", spec, 1)
    assert processed.ids(image).shape == (128, 160)
    assert np.mean(processed.ids(image) == ours) > 0.5


def test_what_cannot_be_compared_is_said(
    tiny_model: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="no peer 'tf'"):
        bench_against(str(tiny_model.folder), "tf")
    bare = dataclasses.replace(tiny_model.spec, files={"onnx": "model.onnx"}, resize=ResizeRule())
    save_spec(bare, tmp_path)
    with pytest.raises(ModelError, match="has no weights"):
        bench_against(str(tmp_path), "hf")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BackendError, match="transformers is not installed"):
        bench_against(str(tiny_model.folder), "ort")
