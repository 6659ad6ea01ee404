"""Tiny drawn streets, random weights, and a spec that names both."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from segstudio.annotation.palette import load_palette
from segstudio.images import write_image, write_mask
from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import save_network_weights
from segstudio.scenes.street import draw_scene
from segstudio.training.spec.load import merge, spec_from_dict
from segstudio.training.spec.schema import ExperimentSpec

COUNT = 3


def write_streets(root: Path, split: str = "val") -> None:
    """COUNT scenes of different widths with masks."""
    for seed in range(COUNT):
        scene = draw_scene(seed, 64, 72 + 16 * seed)
        write_image(root / "images" / split / f"street{seed}.png", scene.image)
        write_mask(
            root / "masks" / split / f"street{seed}.png", scene.mask, load_palette("cityscapes").colours()
        )


def write_network(path: Path, seed: int = 2) -> SegFormer:
    """A random mit_b0 of 19 classes whose classifier is loud enough to give several of them."""
    torch.manual_seed(seed)
    network = SegFormer(Architecture("mit_b0", 19)).eval()
    with torch.no_grad():
        network.get_parameter("decode_head.linear_pred.weight").mul_(30)
    save_network_weights(network.state_dict(), path, network.architecture)
    return network


def street_values(root: Path, **more: Any) -> Mapping[str, Any]:
    """A spec for the streets in `root` and the network beside them, as nested dictionaries."""
    values: Mapping[str, Any] = {
        "results_dir": str(root / "out"),
        "model": {"backbone": {"type": "mit_b0"}, "decode_head": {"decoder_params": {"embed_dim": 256}}},
        "dataset": {
            "segment": {
                "root_dir": str(root),
                "palette": "cityscapes",
                "img_size": 64,
                "test_split": "val",
                "predict_split": "val",
            }
        },
        "evaluate": {"checkpoint": str(root / "net.safetensors"), "vis_after_n_batches": 2},
        "inference": {"checkpoint": str(root / "net.safetensors")},
        "studio": {
            "evaluation": {"short_side": 64, "bootstrap": 20},
            "accelerator": "cpu",
            "threads": 1,
        },
    }
    return merge(values, more)


def street_spec(root: Path, **more: Any) -> ExperimentSpec:
    """The same, read."""
    return spec_from_dict(street_values(root, **more))
