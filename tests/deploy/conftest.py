"""Shares the tiny exported model of the inference tests, and knows its weights."""

from pathlib import Path

import pytest
from safetensors.torch import load_file

from segstudio.deploy.export import Exported
from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import SegFormer
from tests.inference.conftest import one_thread, random_weights, session_home, tiny_model

__all__ = ["one_thread", "session_home", "tiny_model"]


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights that the tiny model was exported from, in float32."""
    return random_weights(tmp_path_factory.mktemp("weights") / "random.safetensors")


@pytest.fixture(scope="session")
def tiny_network(tiny_model: Exported) -> SegFormer:
    """The network, not folded, with the weights that lie in the tiny model's folder."""
    network = SegFormer(Architecture("mit_b0", len(tiny_model.spec.classes)))
    network.load_state_dict(load_file(tiny_model.spec.file(tiny_model.folder, "weights")))
    return network.eval()
