"""What every backend promises: the same pixels in, the same ids out, at any size."""

import dataclasses
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from segstudio.deploy.export import Exported
from segstudio.errors import BackendError, ModelError
from segstudio.inference.backend import (
    BACKENDS,
    Backend,
    Options,
    available_backends,
    cpu_name,
    open_backend,
    precision_named,
)
from segstudio.inference.openvino_ import require_precision
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import cores
from tests.inference.conftest import BACKEND_NAMES, noise, opened

# Those that run the ONNX file of a model.
ON_ONNX = ("openvino", "onnx")
PACKAGES = ("tensorrt", "openvino", "onnxruntime", "torch")
SIZES = [(1, 1), (1, 7), (33, 47), (64, 64), (97, 31), (360, 480)]


def test_table_holds_the_tested_backends() -> None:
    assert tuple(BACKENDS) == BACKEND_NAMES


@pytest.mark.parametrize("size", SIZES)
def test_answer_has_the_images_size_and_holds_bytes(
    backend: Backend, tiny_model: Exported, size: tuple[int, int]
) -> None:
    ids, confidence = backend.run(noise(*size)[None])
    for answer in (ids, confidence):
        assert answer.dtype == np.uint8
        assert answer.shape == (1, *size)
    classes = len(tiny_model.spec.classes)
    assert ids.max() < classes
    # The largest of K probabilities that sum to one is at least 1/K.
    assert confidence.min() >= round(255 / classes)


@pytest.mark.parametrize("size", SIZES)
def test_backends_agree(tiny_model: Exported, session_home: Path, size: tuple[int, int]) -> None:
    answers = []
    for name in BACKEND_NAMES:
        runner = opened(name, tiny_model.folder, tiny_model.spec, session_home)
        answers.append(runner.run(np.stack([noise(*size, seed) for seed in (1, 2)])))
        runner.close()
    (ids, confidence), *others = answers
    for other_ids, other_confidence in others:
        assert np.count_nonzero(ids != other_ids) <= ids.size * 1e-4
        assert np.abs(confidence.astype(int) - other_confidence.astype(int)).max() <= 1


def test_answers_are_not_one_class(backend: Backend) -> None:
    """Else the comparisons of this file would compare nothing."""
    ids, confidence = backend.run(noise(120, 160)[None])
    assert len(np.unique(ids)) > 2
    assert len(np.unique(confidence)) > 20


def test_batch_equals_its_images_alone(backend: Backend) -> None:
    images = np.stack([noise(48, 80, seed) for seed in range(3)])
    ids, confidence = backend.run(images)
    assert ids.shape == confidence.shape == (3, 48, 80)
    for number, image in enumerate(images):
        alone_ids, alone_confidence = backend.run(image[None])
        assert np.mean(ids[number] == alone_ids[0]) > 0.9999
        assert np.abs(confidence[number].astype(int) - alone_confidence[0].astype(int)).max() <= 1


def test_answers_stay_when_the_next_image_runs(backend: Backend) -> None:
    ids, confidence = backend.run(noise(50, 70, 1)[None])
    kept_ids, kept_confidence = ids.copy(), confidence.copy()
    backend.run(noise(50, 70, 2)[None])
    np.testing.assert_array_equal(ids, kept_ids)
    np.testing.assert_array_equal(confidence, kept_confidence)


def test_same_image_same_answer(backend: Backend) -> None:
    first, _ = backend.run(noise(60, 90)[None])
    backend.run(noise(31, 20)[None])
    again, _ = backend.run(noise(60, 90)[None])
    np.testing.assert_array_equal(first, again)


def test_views_with_strides_are_read_rightly(backend: Backend) -> None:
    image = noise(40, 60)
    mirrored = image[:, ::-1]
    np.testing.assert_array_equal(
        backend.run(mirrored[None])[0], backend.run(np.ascontiguousarray(mirrored)[None])[0]
    )


def test_channels_are_told_apart(backend: Backend) -> None:
    image = noise(96, 96)
    assert not np.array_equal(
        backend.run(image[None])[1], backend.run(np.ascontiguousarray(image[..., ::-1])[None])[1]
    )


@pytest.mark.parametrize("name", BACKEND_NAMES)
def test_number_of_threads_does_not_change_the_ids(
    tiny_model: Exported, session_home: Path, name: str
) -> None:
    one = opened(name, tiny_model.folder, tiny_model.spec, session_home)
    two = open_backend(tiny_model.folder, tiny_model.spec, name, Options(threads=2))
    image = noise(100, 130)[None]
    assert np.mean(one.run(image)[0] == two.run(image)[0]) > 0.9999
    one.close()
    two.close()


def test_auto_takes_the_first_that_is_available(tiny_model: Exported) -> None:
    first = next(status for status in available_backends() if status.available)
    runner = open_backend(tiny_model.folder, tiny_model.spec)
    assert (runner.name, runner.device) == (first.name, first.device)
    runner.close()


@pytest.mark.parametrize("name", BACKEND_NAMES)
def test_closing_frees_and_can_be_repeated(tiny_model: Exported, session_home: Path, name: str) -> None:
    runner = opened(name, tiny_model.folder, tiny_model.spec, session_home)
    runner.close()
    runner.close()
    again = opened(name, tiny_model.folder, tiny_model.spec, session_home)
    assert again.run(noise(20, 20)[None])[0].shape == (1, 20, 20)
    again.close()


def test_unknown_backend_is_refused_with_the_known_ones(tiny_model: Exported) -> None:
    with pytest.raises(BackendError, match="no backend 'abacus'") as caught:
        open_backend(tiny_model.folder, tiny_model.spec, "abacus")
    assert all(name in caught.value.hint for name in BACKENDS)


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the imports of all backends' packages fail."""
    for package in PACKAGES:
        monkeypatch.setitem(sys.modules, package, None)


@pytest.mark.usefixtures("nothing_installed")
def test_unavailable_backends_say_why_and_what_to_do() -> None:
    for status, package in zip(available_backends(), PACKAGES, strict=True):
        assert not status.available
        assert f"pip install {package}" in status.reason


@pytest.mark.usefixtures("nothing_installed")
def test_opening_an_unavailable_backend_gives_the_reason(tiny_model: Exported) -> None:
    with pytest.raises(BackendError, match="no backend can run tiny: onnx: onnxruntime cannot be imported"):
        open_backend(tiny_model.folder, tiny_model.spec, "onnx")
    with pytest.raises(BackendError, match=r"openvino: .*; onnx: .*; torch: "):
        open_backend(tiny_model.folder, tiny_model.spec)


def test_auto_passes_over_what_is_not_installed(
    tiny_model: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    runner = open_backend(tiny_model.folder, tiny_model.spec)
    assert runner.name == "onnx"
    runner.close()


@pytest.mark.parametrize("name", ON_ONNX)
@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x08\x09garbage" * 50])
def test_file_that_is_no_model_is_refused(
    tiny_model: Exported, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(BackendError, match=r"model\.onnx"):
        open_backend(tmp_path, tiny_model.spec, name, Options(threads=1))


@pytest.mark.parametrize("name", ON_ONNX)
def test_torn_file_is_refused(tiny_model: Exported, tmp_path: Path, name: str) -> None:
    whole = (tiny_model.folder / "model.onnx").read_bytes()
    (tmp_path / "model.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackendError, match=r"model\.onnx"):
        open_backend(tmp_path, tiny_model.spec, name, Options(threads=1))


@pytest.mark.parametrize("name", ON_ONNX)
def test_graph_with_other_outputs_is_refused(tiny_model: Exported, tmp_path: Path, name: str) -> None:
    shape = ["batch", "height", "width", 3]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["images"], ["logits"])],
        "other",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.UINT8, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(BackendError, match="no deployment graph"):
        open_backend(tmp_path, tiny_model.spec, name, Options(threads=1))


def test_model_without_a_graph_is_refused(tiny_model: Exported, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is missing"):
        open_backend(tmp_path, tiny_model.spec)
    bare = ModelSpec("bare", "mit_b0", ("road",), "cityscapes", files={})
    with pytest.raises(
        BackendError, match="onnx: the model has no onnx file; torch: the model has no weights"
    ):
        open_backend(tiny_model.folder, bare)
    for name, kind in (("onnx", "onnx"), ("openvino", "onnx"), ("torch", "weights")):
        with pytest.raises(ModelError, match=f"has no {kind} file"):
            open_backend(tiny_model.folder, bare, name)


@pytest.mark.parametrize("content", [b"", b"no weights at all"])
def test_weights_that_are_none_are_refused(tiny_model: Exported, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "weights.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"weights\.safetensors"):
        open_backend(tmp_path, tiny_model.spec, "torch", Options(threads=1))


def test_auto_runs_weights_without_a_graph_in_torch(tiny_model: Exported) -> None:
    spec = dataclasses.replace(tiny_model.spec, files={"weights": "weights.safetensors"})
    runner = open_backend(tiny_model.folder, spec, options=Options(threads=1))
    assert runner.name == "torch"
    runner.close()
    with pytest.raises(BackendError, match="torch: runs outside of the window"):
        open_backend(tiny_model.folder, spec, options=Options(in_window=True))
    with pytest.raises(BackendError, match="torch: runs outside of the window"):
        open_backend(tiny_model.folder, tiny_model.spec, "torch", Options(in_window=True))


@pytest.mark.parametrize("name", BACKEND_NAMES)
def test_several_lanes_answer_like_one(tiny_model: Exported, session_home: Path, name: str) -> None:
    one = opened(name, tiny_model.folder, tiny_model.spec, session_home)
    many = open_backend(tiny_model.folder, tiny_model.spec, name, Options(threads=2, purpose="throughput"))
    assert one.lanes == 1
    assert many.lanes >= 1
    images = [noise(40 + 8 * seed, 70, seed)[None] for seed in range(12)]
    with ThreadPoolExecutor(many.lanes) as pool:
        answers = list(pool.map(many.run, images))
    for image, (ids, confidence) in zip(images, answers, strict=True):
        alone_ids, alone_confidence = one.run(image)
        assert np.mean(ids == alone_ids) > 0.9999
        assert np.abs(confidence.astype(int) - alone_confidence.astype(int)).max() <= 1
    one.close()
    many.close()


@pytest.mark.parametrize("name", BACKEND_NAMES)
def test_devices_are_taken_in_the_order_wished_for(
    tiny_model: Exported, session_home: Path, name: str
) -> None:
    runner = opened(f"{name}:quantum,cpu", tiny_model.folder, tiny_model.spec, session_home)
    assert (runner.name, runner.device) == (name, "CPU")
    runner.close()
    with pytest.raises(BackendError, match=f"{name} has no device quantum here; it has: .*cpu"):
        open_backend(tiny_model.folder, tiny_model.spec, f"{name}:quantum")
    with pytest.raises(BackendError, match="auto:cpu"):
        open_backend(tiny_model.folder, tiny_model.spec, "auto:cpu")


def test_precision_is_the_devices_or_refused(tiny_model: Exported) -> None:
    with pytest.raises(BackendError, match="precision of its file"):
        open_backend(tiny_model.folder, tiny_model.spec, "onnx", Options(precision="bf16"))
    with pytest.raises(BackendError, match="does not compute in fp16") as caught:
        open_backend(tiny_model.folder, tiny_model.spec, "torch:cpu", Options(precision="fp16"))
    assert "fp32, bf16" in caught.value.hint
    with pytest.raises(BackendError, match="precision 'int3'"):
        precision_named("int3")
    assert [precision_named(name) for name in ("fp32", "bf16", "fp16")] == ["fp32", "bf16", "fp16"]


def test_bf16_in_torch_answers_nearly_alike(tiny_model: Exported) -> None:
    image = noise(120, 160)[None]
    exact = open_backend(tiny_model.folder, tiny_model.spec, "torch", Options(threads=1))
    coarse = open_backend(tiny_model.folder, tiny_model.spec, "torch", Options(threads=1, precision="bf16"))
    (ids, confidence), (near_ids, near_confidence) = exact.run(image), coarse.run(image)
    assert np.mean(ids == near_ids) > 0.9
    assert not np.array_equal(confidence, near_confidence)


@pytest.mark.parametrize("there", [("FP32",), ("FP32", "BF16")])
def test_openvino_refuses_what_the_device_has_no_units_for(there: tuple[str, ...]) -> None:
    class Core:
        def get_property(self, device: str, name: str) -> tuple[str, ...]:
            assert (device, name) == ("CPU", "OPTIMIZATION_CAPABILITIES")
            return there

    require_precision(Core(), "CPU", "fp32")
    with pytest.raises(BackendError, match="CPU does not compute in fp16") as caught:
        require_precision(Core(), "CPU", "fp16")
    assert caught.value.hint.endswith(", ".join(word.lower() for word in there))


def test_the_machine_has_a_core_and_a_processor() -> None:
    assert cores() >= 1
    assert cpu_name().strip()
