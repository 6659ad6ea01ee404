"""Where the time goes: nodes find their stage in the file, through what runtimes make of them."""

from collections import Counter

import numpy as np
import onnx
import pytest

from segstudio.deploy.export import Exported
from segstudio.inference.backend import Options
from segstudio.scenes.street import draw_scene
from segstudio.workflows.bench_profile import Step, profile_stages, shares_of, stages_in_file
from tests.inference.conftest import session_home, tiny_model

__all__ = ["session_home", "tiny_model"]
PARTS = {"preprocess", "backbone", "head", "restore"}


def test_every_node_of_a_deployment_graph_has_its_stage(tiny_model: Exported) -> None:
    path = tiny_model.folder / "model.onnx"
    stages = stages_in_file(path)
    nodes = onnx.load(path).graph.node
    assert set(stages.values()) == PARTS
    convolutions = Counter(stages[node.output[0]] for node in nodes if node.op_type == "Conv")
    # A projection a level and the classifier; all others are the backbone's.
    assert convolutions["head"] == 5
    assert set(convolutions) == {"backbone", "head"}
    ends = {
        node.op_type: stages[node.output[0]]
        for node in nodes
        if node.output[0] in ("ids", "ids_wide", "scores")
    }
    assert set(ends.values()) == {"restore"}
    assert stages["resized"] == stages["normalised"] == "preprocess"
    assert stages["logits"] == "head"


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_runtimes_tell_the_shares(tiny_model: Exported, backend: str) -> None:
    images = draw_scene(0, 64, 64).image[None]
    shares = profile_stages(tiny_model.folder, tiny_model.spec, backend, "CPU", Options(1), images)
    assert shares is not None
    assert set(shares) >= PARTS
    assert sum(shares.values()) == pytest.approx(1, abs=0.001)
    # Of the smallest network at the smallest size, the backbone is still the most.
    assert max(shares, key=lambda name: shares[name]) == "backbone"
    assert shares.get("other", 0) < 0.1


def test_who_does_not_tell_honestly_is_not_asked(tiny_model: Exported) -> None:
    images = np.zeros((1, 64, 64, 3), np.uint8)
    for backend, device in (("torch", "CPU"), ("onnx", "CUDA"), ("tensorrt", "GPU")):
        assert profile_stages(tiny_model.folder, tiny_model.spec, backend, device, Options(1), images) is None


def test_made_up_nodes_belong_to_the_latest_they_read() -> None:
    known = {"conv": "backbone", "fuse": "head", "resize": "preprocess", "add": "head"}
    steps = [
        Step("constant", (), ()),
        Step("merged", ("resize", "nobody"), ()),
        Step("reorder_1", ("",), ("merged",)),
        Step("conv", ("conv",), ("reorder_1", "constant")),
        Step("conv_add", ("conv", "add"), ("conv",)),
        Step("reorder_2", (), ("conv_add", "conv")),
    ]
    times = {"constant": 1.0, "merged": 2.0, "reorder_1": 1.0, "conv": 4.0, "conv_add": 8.0, "reorder_2": 4.0}
    assert shares_of(steps, times, known) == {"preprocess": 0.15, "backbone": 0.2, "head": 0.6, "other": 0.05}
    assert shares_of(steps, {}, known) is None
