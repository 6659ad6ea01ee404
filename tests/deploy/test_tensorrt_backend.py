"""The TensorRT backend on a recording fake: its answers, graphs, memory, and which engine it takes."""

import dataclasses
import gc
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segstudio import paths
from segstudio.deploy.export import Exported, export_network
from segstudio.deploy.tensorrt_build import build_engine
from segstudio.deploy.tensorrt_plan import EnginePlan
from segstudio.deploy.tensorrt_runner import SHAPES, EngineRunner
from segstudio.errors import BackendError, ModelError
from segstudio.inference.backend import Options, Precision, open_backend
from segstudio.inference.predictor import Predictor
from segstudio.inference.spec import ModelSpec, ResizeRule
from segstudio.jobs import JobContext
from segstudio.networks.whole import read_network
from tests.deploy.tensorrt_fake import Machine, install
from tests.inference.conftest import noise

PLAN = EnginePlan(batch=(1, 1, 2), height=(1, 64, 128), width=(1, 64, 128))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of engines of its own."""
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return install(monkeypatch)


def require_free(machine: Machine) -> None:
    gc.collect()
    assert not machine.alive
    assert not list(machine.objects)


@pytest.fixture
def with_engine(tiny_model: Exported, tmp_path: Path, machine: Machine) -> tuple[Path, ModelSpec]:
    """A copy of the tiny model with an engine for this machine."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model.folder, folder)
    spec = dataclasses.replace(tiny_model.spec, files={**tiny_model.spec.files, "engine": "model.engine"})
    build_engine(spec.file(folder, "onnx"), folder / "model.engine", PLAN, JobContext())
    return folder, spec


@pytest.mark.parametrize("version", ["10.13.0.35", "11.3.0.1"])
def test_answers_equal_onnx_runtime_at_several_shapes(
    tiny_model: Exported, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    machine = install(monkeypatch, version=version)
    backend = open_backend(tiny_model.folder, tiny_model.spec, "tensorrt")
    assert (backend.name, backend.device, backend.lanes) == ("tensorrt", "CUDA", 1)
    other = open_backend(tiny_model.folder, tiny_model.spec, "onnx", Options(threads=1))
    for size, count in (((33, 47), 2), ((64, 64), 1), ((33, 47), 2)):
        images = np.stack([noise(*size, seed) for seed in range(count)])
        for found, expected in zip(backend.run(images), other.run(images), strict=True):
            assert found.dtype == np.uint8
            # One step of confidence is what a sum in another order may change.
            np.testing.assert_allclose(found.astype(int), expected.astype(int), atol=1)
    assert backend.core_kind() == other.core_kind() == "logits"
    pixels = np.random.default_rng(0).random((2, 3, 64, 96), np.float32)
    np.testing.assert_allclose(backend.scores(pixels), other.scores(pixels), atol=1e-4)
    backend.close()
    other.close()
    del backend
    require_free(machine)


def test_a_shape_is_recorded_once_and_replayed(with_engine: tuple[Path, ModelSpec], machine: Machine) -> None:
    backend = open_backend(*with_engine)
    image = noise(40, 50)[None]
    backend.run(image)
    first = list(machine.calls)
    assert first.count("cudaStreamBeginCapture") == first.count("cudaGraphInstantiate") == 1
    machine.calls.clear()
    backend.run(image)
    assert machine.calls == ["cudaSetDevice", "cudaGraphLaunch", "cudaStreamSynchronize"]
    backend.close()


def test_the_oldest_shape_is_dropped_with_its_memory(
    with_engine: tuple[Path, ModelSpec], machine: Machine
) -> None:
    runner = EngineRunner(with_engine[1].file(with_engine[0], "engine"))
    held = []
    for width in range(20, 20 + SHAPES + 3):
        runner.run(noise(30, width)[None])
        gc.collect()
        held.append(len(machine.alive))
    assert held[SHAPES - 1] == held[-1]
    runner.close()
    del runner
    require_free(machine)


def test_what_cannot_be_recorded_is_run_step_by_step(
    with_engine: tuple[Path, ModelSpec], machine: Machine
) -> None:
    machine.capturable = False
    backend = open_backend(*with_engine)
    first, second = (backend.run(noise(40, 50)[None]) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    assert "cudaGraphLaunch" not in machine.calls
    backend.close()
    del backend
    require_free(machine)


@pytest.mark.parametrize(("function", "after"), [("cudaMalloc", 0), ("cudaMalloc", 2), ("cudaHostAlloc", 1)])
def test_memory_that_runs_out_is_one_line_and_given_back(
    with_engine: tuple[Path, ModelSpec], machine: Machine, function: str, after: int
) -> None:
    machine.calls.clear()
    machine.failing = (function, after)
    backend = open_backend(*with_engine)
    with pytest.raises(BackendError, match=r"CUDA: out of memory.*use smaller images or batches") as caught:
        backend.run(noise(40, 50)[None])
    assert "\n" not in str(caught.value)
    machine.failing = None
    assert backend.run(noise(40, 50)[None])[0].shape == (1, 40, 50)
    backend.close()
    del backend, caught
    require_free(machine)


def test_auto_takes_an_engine_and_never_builds_one(
    with_engine: tuple[Path, ModelSpec], tiny_model: Exported, machine: Machine
) -> None:
    builds = len(machine.built)
    backend = open_backend(*with_engine)
    assert backend.name == "tensorrt"
    backend.close()
    plain = open_backend(tiny_model.folder, tiny_model.spec)
    assert plain.name != "tensorrt"
    plain.close()
    assert len(machine.built) == builds


def answer_once(model: Exported, precision: Precision = "fp32") -> None:
    backend = open_backend(model.folder, model.spec, "tensorrt", Options(precision=precision))
    backend.run(noise(40, 50)[None])
    backend.close()


def test_a_built_engine_is_kept_and_found_again(tiny_model: Exported, machine: Machine) -> None:
    for _ in range(2):
        answer_once(tiny_model)
    assert len(machine.built) == 1
    answer_once(tiny_model, "fp16")
    assert len(machine.built) == 2
    assert len(list(paths.user_cache_dir().rglob("engine.json"))) == 2


def test_each_size_has_an_engine_where_the_aspect_is_kept(
    with_engine: tuple[Path, ModelSpec], machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    backend = open_backend(*with_engine, "tensorrt")
    ids, _ = backend.run(np.stack([noise(20, 140, seed) for seed in range(3)]))
    assert ids.shape == (3, 20, 140)
    assert machine.built[-1]["shapes"] == {"images": [[1, 20, 140, 3], [1, 20, 140, 3], [4, 20, 140, 3]]}
    assert "takes an input of 3x20x140x3" in caplog.text
    builds = len(machine.built)
    for size in ((64, 64), (20, 140)):
        backend.run(noise(*size)[None])
    assert len(machine.built) == builds
    backend.close()


def test_one_engine_takes_all_sizes_where_the_network_has_one(
    tiny_model: Exported, machine: Machine, tmp_path: Path
) -> None:
    folder = tmp_path / "stretched"
    network = read_network(tiny_model.spec.file(tiny_model.folder, "weights"))
    made = export_network(
        network, dataclasses.replace(tiny_model.spec, resize=ResizeRule("stretch", 64)), folder
    )
    backend = open_backend(folder, made.spec, "tensorrt")
    for size in ((30, 40), (64, 64), (50, 20)):
        assert backend.run(noise(*size)[None])[0].shape == (1, *size)
    assert [built["shapes"]["images"][2] for built in machine.built] == [[1, 2048, 2048, 3]]
    backend.close()


def test_auto_lets_another_backend_answer_what_no_engine_is_there_for(
    with_engine: tuple[Path, ModelSpec], machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    builds = len(machine.built)
    backend = open_backend(*with_engine)
    assert backend.name == "tensorrt"
    assert backend.run(noise(20, 140)[None])[0].shape == (1, 20, 140)
    assert backend.scores(np.zeros((1, 3, 64, 64), np.float32)).shape == (1, 19, 16, 16)
    assert caplog.text.count("Another backend answers") == 1
    assert len(machine.built) == builds
    backend.close()


Change = Callable[[Machine, Path], None]


def other_gpu(machine: Machine, _folder: Path) -> None:
    machine.gpu = "Other RTX"


def other_version(machine: Machine, _folder: Path) -> None:
    machine.version = "10.14.0"


@pytest.mark.parametrize("change", [other_gpu, other_version])
def test_an_engine_of_another_machine_is_built_again_and_the_user_is_told(
    with_engine: tuple[Path, ModelSpec],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    change: Change,
) -> None:
    fresh = Machine()
    change(fresh, with_engine[0])
    machine = install(monkeypatch, version=fresh.version, gpu=fresh.gpu)
    with caplog.at_level(logging.WARNING):
        auto = open_backend(*with_engine)
    assert auto.name != "tensorrt"
    assert not machine.built
    auto.close()
    backend = open_backend(*with_engine, "tensorrt")
    assert backend.run(noise(40, 50)[None])[0].shape == (1, 40, 50)
    assert "model.engine cannot run here: it was built" in caplog.text
    assert machine.built[0]["shapes"]["images"][2] == [2, 128, 128, 3]
    backend.close()
    folder, spec = with_engine
    alone = dataclasses.replace(spec, files={"engine": "model.engine"})
    with pytest.raises(
        BackendError, match=r"cannot run here: it was built.*build it here from its ONNX file"
    ):
        open_backend(folder, alone, "tensorrt")


def test_an_engine_answers_in_the_precision_it_was_built_for(with_engine: tuple[Path, ModelSpec]) -> None:
    with pytest.raises(BackendError, match=r"computes in fp32, not in fp16"):
        open_backend(*with_engine, "tensorrt", Options(precision="fp16"))


def test_an_engine_without_its_graph_has_no_scores(with_engine: tuple[Path, ModelSpec]) -> None:
    folder, spec = with_engine
    backend = open_backend(folder, dataclasses.replace(spec, files={"engine": "model.engine"}))
    assert backend.core_kind() is None
    answer = Predictor(backend, spec).predict(noise(30, 40))
    assert answer.ids.shape == (30, 40)
    with pytest.raises(BackendError, match="takes no input of 1x300x40x3"):
        backend.run(noise(300, 40)[None])
    backend.close()


def test_a_damaged_engine_of_the_cache_is_built_again(tiny_model: Exported, machine: Machine) -> None:
    answer_once(tiny_model)
    (engine,) = paths.user_cache_dir().rglob("*.engine")
    engine.write_bytes(b"half of it")
    answer_once(tiny_model)
    assert len(machine.built) == 2


@pytest.mark.usefixtures("machine")
def test_a_model_without_any_file_of_ours_says_so(tiny_model: Exported) -> None:
    with pytest.raises(ModelError, match="has no onnx file"):
        open_backend(tiny_model.folder, dataclasses.replace(tiny_model.spec, files={}), "tensorrt")
