"""What needs TensorRT and a GPU: engines are built, run, and answer like ONNX Runtime; skipped elsewhere."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.deploy import tensorrt_here
from segstudio.deploy.export import Exported
from segstudio.deploy.tensorrt_build import build_engine
from segstudio.deploy.tensorrt_int8 import quantizer_on
from segstudio.deploy.tensorrt_plan import EnginePlan, EnginePrecision, load_facts
from segstudio.deploy.tensorrt_runner import EngineRunner
from segstudio.errors import BackendError, Cancelled
from segstudio.images import write_image
from segstudio.inference.backend import Backend, Options, open_backend
from segstudio.inference.catalog import find_model
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import JobContext
from segstudio.scenes.street import draw_scene
from tests.inference.conftest import noise, session_home, tiny_model

__all__ = ["session_home", "tiny_model"]

THERE, _, REASON = tensorrt_here.status()
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not THERE, reason=REASON)]
PLAN = EnginePlan(batch=(1, 1, 2), height=(360,) * 3, width=(480,) * 3)
SIZES = [(1, 1), (33, 47), (360, 480)]
Street = tuple[Path, ModelSpec]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Engines are kept as long as this module runs."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGSTUDIO_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def street(home: Path) -> Street:
    return find_model("street-b0")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    for seed in range(32):
        write_image(folder / f"{seed}.png", draw_scene(seed, 360, 480).image)
    return folder


@pytest.fixture(scope="module")
def exact(street: Street) -> Iterator[Backend]:
    """ONNX Runtime on the CPU."""
    backend = open_backend(*street, "onnx:cpu")
    yield backend
    backend.close()


def agreement(found: NDArray[np.uint8], expected: NDArray[np.uint8]) -> float:
    assert len(np.unique(expected)) > 3
    return float(np.mean(found == expected))


@pytest.mark.parametrize("size", SIZES)
def test_fp32_equals_onnx_runtime(tiny_model: Exported, home: Path, size: tuple[int, int]) -> None:
    engine, plain = (
        open_backend(tiny_model.folder, tiny_model.spec, name) for name in ("tensorrt", "onnx:cpu")
    )
    images = np.stack([noise(*size, seed) for seed in (1, 2)])
    for _ in range(2):
        # The second time from the recorded graph.
        ids, confidence = engine.run(images)
        expected_ids, expected_confidence = plain.run(images)
        assert np.mean(ids == expected_ids) >= 0.999
        assert np.abs(confidence.astype(int) - expected_confidence.astype(int)).max() <= 2
    pixels = np.random.default_rng(0).random((2, 3, 64, 96), np.float32)
    expected = plain.scores(pixels)
    np.testing.assert_allclose(engine.scores(pixels), expected, atol=2e-3 * float(np.abs(expected).max()))
    engine.close()
    plain.close()


@pytest.mark.parametrize(
    ("precision", "least"), [("fp32", 0.999), ("fp16", 0.995), ("bf16", 0.98), ("int8", 0.95)]
)
def test_every_precision_answers_like_the_float_file(
    street: Street, exact: Backend, scenes: Path, tmp_path: Path, precision: EnginePrecision, least: float
) -> None:
    folder, spec = street
    engine = tmp_path / "model.engine"
    plan = dataclasses.replace(PLAN, precision=precision, tf32=True, workspace_mb=2048)
    quantize = quantizer_on(sorted(scenes.iterdir()), spec.mean, spec.std)
    facts = build_engine(spec.file(folder, "onnx"), engine, plan, JobContext(), quantize)
    assert facts == load_facts(engine)
    runner = EngineRunner(engine)
    for seed in (100, 101):
        image = draw_scene(seed, 360, 480).image[None]
        assert agreement(runner.run(image)["ids"], exact.run(image)[0]) >= least
    runner.close()


def test_fp16_is_faster_than_the_cpu_and_the_graph_replays(street: Street, exact: Backend) -> None:
    engine = open_backend(*street, "tensorrt", Options(precision="fp16"))
    image = draw_scene(7, 360, 480).image[None]

    def seconds(run: Callable[[NDArray[np.uint8]], object]) -> float:
        run(image)
        started = time.perf_counter()
        for _ in range(10):
            run(image)
        return time.perf_counter() - started

    assert seconds(engine.run) < seconds(exact.run)
    engine.close()


def test_memory_is_given_back(street: Street) -> None:
    from segstudio.deploy.cuda import Cuda

    held = []
    for _ in range(3):
        backend = open_backend(*street, "tensorrt", Options(precision="fp16"))
        for width in (320, 352, 384, 416):
            backend.run(noise(240, width)[None])
        backend.close()
        held.append(Cuda().free_mb)
    assert held[2] >= held[1] - 16


def test_progress_comes_and_a_build_can_be_stopped(street: Street, tmp_path: Path) -> None:
    stopping = JobContext(lambda done, total, text: stopping.cancel() if total else None)
    with pytest.raises(Cancelled):
        build_engine(street[1].file(street[0], "onnx"), tmp_path / "a.engine", PLAN, stopping)
    assert not list(tmp_path.iterdir())


def test_the_timing_cache_makes_the_second_build_quicker(tiny_model: Exported, tmp_path: Path) -> None:
    plan = dataclasses.replace(PLAN, timing_cache=tmp_path / "timing")
    source = tiny_model.spec.file(tiny_model.folder, "onnx")
    first, second = (
        build_engine(source, tmp_path / "a.engine", plan, JobContext()).seconds for _ in range(2)
    )
    assert second < first


def test_a_file_that_is_no_engine_is_one_line(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.engine"
    path.write_bytes(b"no engine" * 100)
    with pytest.raises(BackendError, match="TensorRT refuses"):
        EngineRunner(path)


def test_auto_takes_a_model_with_an_engine(tiny_model: Exported, home: Path, tmp_path: Path) -> None:
    engine = tmp_path / "model.engine"
    build_engine(tiny_model.spec.file(tiny_model.folder, "onnx"), engine, PLAN, JobContext())
    backend = open_backend(tmp_path, dataclasses.replace(tiny_model.spec, files={"engine": engine.name}))
    assert backend.name == "tensorrt"
    backend.close()
