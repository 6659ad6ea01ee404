"""Weights are read from every kind of file, nothing in one is executed, what is no weights is named."""

import collections
import io
import json
import os
import pickle
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from safetensors.torch import save_file
from torch import Tensor, nn

from segstudio.errors import ModelError
from segstudio.inference.spec import ModelSpec, save_spec
from segstudio.networks import safe_pickle
from segstudio.networks.architecture import Architecture, architecture_from_dict
from segstudio.networks.checkpoint_file import ARCHITECTURE, read_checkpoint_file
from segstudio.networks.safe_pickle import read_untrusted
from segstudio.networks.weights import save_network_weights

ZIP_FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


class Bomb:
    """Touches a file when an ordinary unpickler reads it."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call, self.arguments


def bombs(marker: Path) -> dict[str, Bomb]:
    """Known ways from a pickle to a command."""
    plain = Bomb(os.system, f"touch {marker}")
    nested = io.BytesIO()
    torch.save(plain, nested)
    return {
        "os.system": plain,
        "eval": Bomb(eval, f"__import__('os').system('touch {marker}')"),
        "subprocess": Bomb(subprocess.check_call, ["touch", str(marker)]),
        "a pickle within": Bomb(torch.storage._load_from_bytes, nested.getvalue()),
    }


def some_tensors() -> dict[str, Tensor]:
    torch.manual_seed(1)
    return {"a.weight": torch.randn(3, 4), "a.bias": torch.randn(3), "n.count": torch.tensor(7)}


def save(values: Any, path: Path, zipped: bool = True) -> Path:
    torch.save(values, path, _use_new_zipfile_serialization=zipped)
    return path


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize("kind", ["os.system", "eval", "subprocess", "a pickle within"])
def test_the_bombs_are_real(kind: str, tmp_path: Path) -> None:
    save(bombs(tmp_path / "marker")[kind], tmp_path / "w.pth")
    torch.load(tmp_path / "w.pth", weights_only=False)
    assert (tmp_path / "marker").exists()


@ZIP_FORMATS
@pytest.mark.parametrize("kind", ["os.system", "eval", "subprocess", "a pickle within"])
@pytest.mark.parametrize("place", ["settings", "weights", "wrapper", "whole file"])
def test_hostile_files_execute_nothing(kind: str, place: str, zipped: bool, tmp_path: Path) -> None:
    bomb = bombs(tmp_path / "marker")[kind]
    files: dict[str, Any] = {
        "settings": {"state_dict": some_tensors(), "hyper_parameters": {"a": [bomb]}},
        "weights": {"state_dict": {**some_tensors(), "evil": bomb}},
        "wrapper": {"state_dict": bomb},
        "whole file": bomb,
    }
    path = save(files[place], tmp_path / "w.pth", zipped)
    if place in ("settings", "weights"):
        assert same(read_checkpoint_file(path).tensors, some_tensors())
    else:
        with pytest.raises(ModelError, match=r"w\.pth holds") as caught:
            read_checkpoint_file(path)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "marker").exists()


def test_forged_pickles_change_nothing_of_ours() -> None:
    # BUILD sets what is on the stack to a state, here to a function that makes tensors.
    forged = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(N}X\x01\x00\x00\x00xK\x01stb."
    before = dict(vars(safe_pickle.rebuild_tensor))
    with pytest.raises(TypeError):
        safe_pickle.Unpickler(io.BytesIO(forged)).load()
    assert vars(safe_pickle.rebuild_tensor) == before


def test_tensors_stay_within_their_storage(tmp_path: Path) -> None:
    flat = torch.zeros(4)
    assert safe_pickle.rebuild_tensor(flat, 1, (3,), (1,)).tolist() == [0.0, 0.0, 0.0]
    for offset, size, stride in ((0, (5,), (1,)), (2, (3,), (1,)), (0, (2, 2), (1, 9)), (-1, (1,), (1,))):
        with pytest.raises((RuntimeError, pickle.UnpicklingError)):
            safe_pickle.rebuild_tensor(flat, offset, size, stride)


@pytest.fixture
def foreign_modules() -> Iterator[dict[str, type]]:
    """Classes of packages that are not installed, as their files name them."""
    made: dict[str, type] = {}
    for module, name, base in (
        ("mmengine_gone.logging", "HistoryBuffer", object),
        ("mmengine_gone.config", "ConfigDict", dict),
        ("mmengine_gone.config", "Names", list),
    ):
        holder = sys.modules.setdefault(module, types.ModuleType(module))
        made[name] = type(name, (base,), {"__module__": module})
        setattr(holder, name, made[name])
    sys.modules["mmengine_gone"] = types.ModuleType("mmengine_gone")
    yield made
    for module in [module for module in sys.modules if module.startswith("mmengine_gone")]:
        del sys.modules[module]


@ZIP_FORMATS
def test_objects_of_absent_packages_do_not_matter(
    zipped: bool, tmp_path: Path, foreign_modules: dict[str, type]
) -> None:
    history = foreign_modules["HistoryBuffer"]()
    history.__dict__.update(values=np.arange(4.0), best=np.float64(0.5))
    values = {
        "meta": {
            "CLASSES": foreign_modules["Names"](["road", "sky"]),
            "PALETTE": [[128, 64, 128], [70, 130, 180]],
            "config": "img_norm_cfg = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])",
            "hook": foreign_modules["ConfigDict"](a=1),
        },
        "state_dict": collections.OrderedDict(some_tensors()),
        "message_hub": {
            "history": history,
            "best": np.float64(0.5),
            "kinds": {torch.float16, torch.Size([2])},
        },
    }
    path = save(values, tmp_path / "w.pth", zipped)
    for module in [module for module in sys.modules if module.startswith("mmengine_gone")]:
        del sys.modules[module]
    file = read_checkpoint_file(path)
    assert not any(module.startswith("mmengine_gone") for module in sys.modules)
    assert same(file.tensors, some_tensors())
    assert file.classes == ("road", "sky")
    assert file.palette == ((128, 64, 128), (70, 130, 180))
    assert file.mean == pytest.approx((0.485, 0.456, 0.406))
    assert file.std == pytest.approx((0.229, 0.224, 0.225))


@ZIP_FORMATS
def test_settings_of_tao_are_read_from_its_own_objects(zipped: bool, tmp_path: Path) -> None:
    segment = {
        "img_size": 512,
        "palette": [
            {"label_id": 1, "seg_class": "sky", "mapping_class": "sky", "rgb": [70, 130, 180]},
            {"label_id": 0, "seg_class": "road", "mapping_class": "road", "rgb": [128, 64, 128]},
            {"label_id": 255, "seg_class": "unknown", "mapping_class": "unknown", "rgb": [0, 0, 0]},
        ],
        "augmentation": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
    }
    spec = OmegaConf.create({"dataset": {"segment": segment}, "model": {"backbone": {"type": "mit_b1"}}})
    values = {
        "epoch": 3,
        "state_dict": some_tensors(),
        "hyper_parameters": {"experiment_spec": spec},
        "callbacks": {"best": Path("x")},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(4)}}}],
    }
    with pytest.raises(pickle.UnpicklingError):
        torch.load(save(values, tmp_path / "w.pth", zipped), weights_only=True)
    file = read_checkpoint_file(tmp_path / "w.pth")
    assert same(file.tensors, some_tensors())
    assert file.classes == ("road", "sky")
    assert file.palette == ((128, 64, 128), (70, 130, 180))
    assert (file.mean, file.std, file.size) == ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25), (512, 512))
    assert file.config["model"] == {"backbone": {"type": "mit_b1"}}


@ZIP_FORMATS
def test_the_restricted_reader_reads_every_tensor_as_pytorch_does(zipped: bool, tmp_path: Path) -> None:
    torch.manual_seed(2)
    whole = torch.randn(6, 5)
    tensors = {
        **{str(kind): torch.randn(2, 3).to(kind) for kind in (torch.float16, torch.bfloat16, torch.float64)},
        **{
            str(kind): torch.arange(4).to(kind) for kind in (torch.int64, torch.int8, torch.uint8, torch.bool)
        },
        "view": whole[1:3, ::2],
        "transposed": whole.t(),
        "scalar": torch.tensor(3.5),
        "empty": torch.empty(0, 4),
        "parameter": nn.Parameter(torch.randn(3)),
    }
    path = save(tensors, tmp_path / "w.pth", zipped)
    expected = torch.load(path, weights_only=True)
    found = read_untrusted(path)
    assert same(found, {name: tensor.detach() for name, tensor in expected.items()})
    assert all(found[name].dtype == expected[name].dtype for name in found)


@pytest.mark.parametrize("wrapper", ["state_dict", "model", "state_dict_ema", None])
def test_wrappers_are_taken_off(wrapper: str | None, tmp_path: Path) -> None:
    values = {wrapper: some_tensors(), "epoch": 3} if wrapper else some_tensors()
    assert same(read_checkpoint_file(save(values, tmp_path / "w.ckpt")).tensors, some_tensors())


def test_the_weights_themselves_go_before_their_average(tmp_path: Path) -> None:
    values = {"state_dict_ema": {"a.weight": torch.zeros(2)}, "state_dict": some_tensors()}
    assert same(read_checkpoint_file(save(values, tmp_path / "w.pt")).tensors, some_tensors())


def damaged(path: Path, kind: str) -> None:
    save(some_tensors(), path, zipped=kind != "half of an old file")
    content = path.read_bytes()
    contents = {
        "empty": b"",
        "half of a file": content[: len(content) // 2],
        "half of an old file": content[: len(content) - 30],
        "text": b"epoch 3, loss 0.2\n",
        "web page": b"\n<!DOCTYPE html><html><body>Sign in</body></html>",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n",
        "noise": bytes(range(256)) * 3,
        "picture": b"\x89PNG\r\n\x1a\n" + bytes(60),
    }
    path.write_bytes(contents[kind])


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("empty", "is empty"),
        ("half of a file", "is damaged, incomplete"),
        ("half of an old file", "is damaged, incomplete"),
        ("text", "is a text"),
        ("web page", "is a web page"),
        ("pointer", "git-lfs pointer"),
        ("noise", "not saved by PyTorch"),
        ("picture", "not saved by PyTorch"),
    ],
)
def test_what_is_no_weights_is_named(kind: str, said: str, tmp_path: Path) -> None:
    damaged(tmp_path / "w.pth", kind)
    with pytest.raises(ModelError, match=said) as caught:
        read_checkpoint_file(tmp_path / "w.pth")
    assert "w.pth" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["w.pth", "w.tlt", "w.etlt"])
def test_encrypted_files_say_what_to_do(name: str, tmp_path: Path) -> None:
    if name == "w.pth":
        save({"state_dict": b"\x00\x01", "state_dict_encrypted": "aes"}, tmp_path / name)
    else:
        (tmp_path / name).write_bytes(b"\x80\x11" + bytes(range(60)))
    with pytest.raises(ModelError, match=r"is encrypted by TAO\..*without an encryption key"):
        read_checkpoint_file(tmp_path / name)


def test_plain_tlt_files_load(tmp_path: Path) -> None:
    assert same(read_checkpoint_file(save(some_tensors(), tmp_path / "w.tlt")).tensors, some_tensors())


@ZIP_FORMATS
def test_whole_networks_and_other_values_are_refused(zipped: bool, tmp_path: Path) -> None:
    save(nn.Linear(2, 2), tmp_path / "network.pth", zipped)
    with pytest.raises(ModelError, match=r"whole pickled network.*state_dict"):
        read_checkpoint_file(tmp_path / "network.pth")
    save({"epoch": 3, "loss": 0.5}, tmp_path / "log.pth", zipped)
    with pytest.raises(ModelError, match="holds no tensors, only: epoch, loss"):
        read_checkpoint_file(tmp_path / "log.pth")


@pytest.mark.filterwarnings("ignore")
def test_programs_are_refused(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / "w.pt")
    with pytest.raises(ModelError, match="whole pickled network or program"):
        read_checkpoint_file(tmp_path / "w.pt")


def test_absent_and_ambiguous_sources_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file or folder"):
        read_checkpoint_file(tmp_path / "absent.pth")
    with pytest.raises(ModelError, match="holds no weights"):
        read_checkpoint_file(tmp_path)
    save(some_tensors(), tmp_path / "one.pth")
    assert same(read_checkpoint_file(tmp_path).tensors, some_tensors())
    save(some_tensors(), tmp_path / "two.pth")
    with pytest.raises(ModelError, match=r"2 files of weights: one\.pth, two\.pth"):
        read_checkpoint_file(tmp_path)


CONFIG = {"model_type": "segformer", "id2label": {"1": "sky", "0": "road"}}
PREPROCESSOR = {"image_mean": [0.5, 0.4, 0.3], "image_std": [1, 1, 1], "size": {"height": 64, "width": 96}}


def huggingface_folder(folder: Path, kind: str) -> Path:
    tensors = some_tensors()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR))
    if kind == "safetensors":
        save_file(tensors, folder / "model.safetensors")
    elif kind == "bin":
        save(tensors, folder / "pytorch_model.bin")
    else:
        parts = {"part-1.safetensors": ["a.weight"], "part-2.safetensors": ["a.bias", "n.count"]}
        for part, names in parts.items():
            save_file({name: tensors[name] for name in names}, folder / part)
        index = {"weight_map": {name: part for part, names in parts.items() for name in names}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


@pytest.mark.parametrize("kind", ["safetensors", "bin", "sharded"])
def test_huggingface_folders(kind: str, tmp_path: Path) -> None:
    file = read_checkpoint_file(huggingface_folder(tmp_path, kind))
    assert same(file.tensors, some_tensors())
    assert file.classes == ("road", "sky")
    assert (file.mean, file.std, file.size) == ((0.5, 0.4, 0.3), (1.0, 1.0, 1.0), (64, 96))
    assert file.config["preprocessor"]["image_std"] == [1, 1, 1]


def test_a_file_of_a_huggingface_folder_knows_its_folder(tmp_path: Path) -> None:
    huggingface_folder(tmp_path, "safetensors")
    assert read_checkpoint_file(tmp_path / "model.safetensors").classes == ("road", "sky")


def test_an_index_stays_in_its_folder(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    save_file(some_tensors(), tmp_path / "out.safetensors")
    index = {"weight_map": {"a.weight": "../out.safetensors"}}
    (inside / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match="outside its folder"):
        read_checkpoint_file(inside)


def test_our_own_folders(tmp_path: Path) -> None:
    architecture = Architecture("mit_b0", 2, block_eps=1e-5)
    save_network_weights(some_tensors(), tmp_path / "best.safetensors", architecture)
    file = read_checkpoint_file(tmp_path)
    assert same(file.tensors, some_tensors())
    assert architecture_from_dict(file.config[ARCHITECTURE]) == architecture
    (tmp_path / "best.safetensors").rename(tmp_path / "weights.safetensors")
    files = {"weights": "weights.safetensors"}
    spec = ModelSpec("m", "mit_b0", ("road", "sky"), "p", files, mean=(0.1, 0.2, 0.3))
    save_spec(spec, tmp_path)
    file = read_checkpoint_file(tmp_path)
    assert (file.classes, file.mean) == (("road", "sky"), (0.1, 0.2, 0.3))


def answering(monkeypatch: pytest.MonkeyPatch, answer: Callable[..., str]) -> list[list[str]]:
    """Puts an answer in the hub's place; returns the patterns that were asked for."""
    asked: list[list[str]] = []

    def snapshot_download(name: str, allow_patterns: list[str]) -> str:
        asked.append(allow_patterns)
        return answer(name, allow_patterns)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    return asked


def test_hub_repositories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    huggingface_folder(tmp_path, "safetensors")
    asked = answering(monkeypatch, lambda *_: str(tmp_path))
    file = read_checkpoint_file("owner/network-b0")
    assert same(file.tensors, some_tensors())
    assert file.origin == "owner/network-b0"
    assert len(asked) == 1
    assert not any(".py" in pattern or pattern == "*" for pattern in asked[0])


def test_pickles_of_the_hub_are_asked_for_only_where_there_is_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(_: str, patterns: list[str]) -> str:
        if any("bin" in pattern for pattern in patterns):
            huggingface_folder(tmp_path, "bin")
        return str(tmp_path)

    asked = answering(monkeypatch, answer)
    assert same(read_checkpoint_file("owner/old").tensors, some_tensors())
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("GatedRepoError", "needs its owner's permission"),
        ("RepositoryNotFoundError", "no such repository"),
        ("LocalEntryNotFoundError", "cannot be reached"),
        ("OfflineModeIsEnabled", "cannot be reached"),
        ("HfHubHTTPError", "cannot be reached"),
    ],
)
def test_refusals_of_the_hub_are_one_line(error: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import errors

    kind = getattr(errors, error)
    raised = kind.__new__(kind)

    def refuse(*_: object) -> str:
        raise raised

    answering(monkeypatch, refuse)
    with pytest.raises(ModelError, match=said) as caught:
        read_checkpoint_file("owner/name")
    assert "owner/name" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
