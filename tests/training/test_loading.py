"""Which weights a task takes, and what counts where file and spec differ."""

from pathlib import Path

import pytest
import torch
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from segstudio.errors import ModelError, SpecError
from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import save_network_weights
from segstudio.training.loading import choose_device, find_checkpoint, load_network
from segstudio.training.spec.load import merge, spec_from_dict, spec_to_dict
from segstudio.training.spec.schema import ExperimentSpec
from tests.training.conftest import SpecMaker

TAO_SETTINGS = {
    "dataset": {
        "segment": {
            "img_size": 64,
            "augmentation": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
            "palette": [
                {"label_id": 0, "seg_class": "road", "mapping_class": "road", "rgb": [9, 9, 9]},
                {"label_id": 1, "seg_class": "weed", "mapping_class": "weed", "rgb": [0, 99, 0]},
            ],
        }
    }
}


def network(classes: int = 19, **more: object) -> SegFormer:
    torch.manual_seed(1)
    return SegFormer(Architecture("mit_b0", classes, **more))  # type: ignore[arg-type]  # any of its fields


def naming(spec: ExperimentSpec, checkpoint: Path | str, **more: object) -> ExperimentSpec:
    """The spec with a checkpoint to evaluate, and other values."""
    return spec_from_dict(
        merge(merge(spec_to_dict(spec), {"evaluate": {"checkpoint": str(checkpoint)}}), more)
    )


def test_without_a_checkpoint_the_best_of_the_own_training_is_taken(
    make_spec: SpecMaker, tmp_path: Path
) -> None:
    spec = make_spec()
    with pytest.raises(ModelError, match=r"evaluate.checkpoint is not set, and .*train holds no weights"):
        find_checkpoint(spec, "evaluate")
    folder = tmp_path / "run" / "train"
    for name in ("latest", "best"):
        made = network()
        save_network_weights(made.state_dict(), folder / f"{name}.safetensors", made.architecture)
        assert find_checkpoint(spec, "evaluate") == str(folder / f"{name}.safetensors")
    assert find_checkpoint(naming(spec, tmp_path / "run"), "evaluate") == str(folder)
    assert load_network(naming(spec, tmp_path / "run"), "evaluate").network.architecture.classes == 19
    assert find_checkpoint(naming(spec, "other.pth"), "evaluate") == "other.pth"


def test_the_file_says_which_network_it_is_of(make_spec: SpecMaker, tmp_path: Path) -> None:
    made = network(embed_dim=128, block_eps=1e-5)
    save_network_weights(made.state_dict(), tmp_path / "net.safetensors", made.architecture)
    spec = naming(make_spec(), tmp_path / "net.safetensors", model={"backbone": {"type": "mit_b1"}})
    loaded = load_network(spec, "evaluate")
    assert loaded.network.architecture == made.architecture
    assert not loaded.network.training
    for key in ("model.backbone.type is mit_b0 here", "embed_dim is 128 here"):
        assert any(key in note for note in loaded.notes)
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(loaded.network(image), made.eval()(image), atol=0, rtol=0)
    assert loaded.digest() == load_network(spec, "evaluate").digest()


def test_a_tao_checkpoint_brings_its_own_normalisation(make_spec: SpecMaker, tmp_path: Path) -> None:
    tensors = {}
    for name, tensor in network(2, head_bias=True).state_dict().items():
        old = name.replace("decode_head.", "model.decoder.").replace("linear_fuse.conv", "linear_fuse.0")
        old = old.replace("linear_fuse.bn", "linear_fuse.1")
        tensors[old if old.startswith("model.") else f"model.{old}"] = tensor
    torch.save({"state_dict": tensors, "hyper_parameters": TAO_SETTINGS}, tmp_path / "tao.pth")
    segment = {"palette": TAO_SETTINGS["dataset"]["segment"]["palette"], "num_classes": 2}
    loaded = load_network(naming(make_spec(), tmp_path / "tao.pth", dataset={"segment": segment}), "evaluate")
    assert loaded.mean == (0.5, 0.5, 0.5)
    assert any("mean 0.5, 0.5, 0.5" in note for note in loaded.notes)
    assert loaded.palette.names == ("road", "weed")
    # The spec has 19 classes, the file two with names.
    loaded = load_network(naming(make_spec(), tmp_path / "tao.pth"), "evaluate")
    assert loaded.palette.names == ("road", "weed")
    assert loaded.network.architecture.head_bias


def test_classes_that_nobody_names_are_refused(make_spec: SpecMaker, tmp_path: Path) -> None:
    save_network_weights(network(7).state_dict(), tmp_path / "net.safetensors")
    with pytest.raises(ModelError, match=r"has 7 classes, the spec's palette has 19"):
        load_network(naming(make_spec(), tmp_path / "net.safetensors"), "evaluate")


def test_a_hugging_face_folder_is_taken_with_its_settings(make_spec: SpecMaker, tmp_path: Path) -> None:
    config = SegformerConfig(
        hidden_sizes=[32, 64, 160, 256], depths=[2, 2, 2, 2], decoder_hidden_size=256, num_labels=19
    )
    SegformerForSemanticSegmentation(config).save_pretrained(tmp_path / "hf")
    loaded = load_network(naming(make_spec(), tmp_path / "hf"), "evaluate")
    assert loaded.network.architecture.block_eps == 1e-5
    assert loaded.palette.name == "cityscapes"


def test_a_backbone_alone_and_a_stranger_are_refused(make_spec: SpecMaker, tmp_path: Path) -> None:
    torch.save(network().backbone.state_dict(), tmp_path / "backbone.pth")
    with pytest.raises(ModelError, match="without a decode head"):
        load_network(naming(make_spec(), tmp_path / "backbone.pth"), "evaluate")
    torch.save({"layer.weight": torch.zeros(3)}, tmp_path / "stranger.pth")
    with pytest.raises(ModelError, match=r"stranger\.pth"):
        load_network(naming(make_spec(), tmp_path / "stranger.pth"), "evaluate")


def test_the_device_of_each_process(make_spec: SpecMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = make_spec()
    assert choose_device(spec, spec.evaluate, 3) == torch.device("cpu")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    gpu = make_spec(studio={"accelerator": "auto"})
    assert choose_device(gpu, gpu.evaluate) == torch.device("cuda", 0)
    assert choose_device(gpu, gpu.evaluate, 1) == torch.device("cuda", 1)
    with pytest.raises(SpecError, match="there is no GPU 2 here, only 2"):
        choose_device(gpu, gpu.evaluate, 2)
