"""gen_trt_engine from a spec on a recording fake: TAO's keys, both forms of graphs, and what is refused."""

import importlib.util
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from segstudio import paths
from segstudio.cli.engines import app
from segstudio.deploy.export import Exported
from segstudio.deploy.tensorrt_graph import is_quantized
from segstudio.errors import BackendError, SegstudioError
from segstudio.images import write_image
from segstudio.jobs import JobContext
from segstudio.scenes.street import draw_scene
from segstudio.training.spec.load import spec_from_dict
from segstudio.workflows.spec_engine import EngineResult, build_from_spec
from tests.deploy.tensorrt_fake import GPU, Machine, install
from tests.inference.conftest import session_home, tiny_model

__all__ = ["session_home", "tiny_model"]

OURS = paths.bundled_models_dir() / "street-b0" / "model.onnx"
Build = Callable[..., EngineResult]
SIZE = {
    f"{end}_{side}": length
    for end in ("min", "opt", "max")
    for side, length in (("height", 64), ("width", 96))
}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return install(monkeypatch)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Builds with keys of gen_trt_engine; those of its sections are given as `tensorrt` and `calibration`."""

    def run(onnx_file: Path | str, *, tensorrt: dict[str, Any] | None = None, **keys: Any) -> EngineResult:
        section = {"onnx_file": str(onnx_file), "tensorrt": tensorrt or {}, **keys}
        values = {"results_dir": str(tmp_path / "results"), "gen_trt_engine": section}
        spec = spec_from_dict(values, task="gen_trt_engine")
        return build_from_spec(spec, JobContext(), ("a note of the reading",))

    return run


@pytest.fixture
def tao(tmp_path: Path) -> Path:
    """A float network of TAO's form with three layers and a free batch."""
    random = np.random.default_rng(0)
    names = ["input", "first", "second", "output"]
    nodes, weights = [], []
    for number, (before, after) in enumerate(pairwise(names)):
        weights.append(
            numpy_helper.from_array(random.normal(0, 1, (3, 3, 3, 3)).astype(np.float32), f"w{number}")
        )
        nodes.append(
            helper.make_node("Conv", [before, f"w{number}"], [after], name=f"conv{number}", pads=[1] * 4)
        )
    graph = helper.make_graph(
        nodes,
        "tao",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch_size", 3, 32, 48])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch_size", 3, 32, 48])],
        weights,
    )
    path = tmp_path / "tao.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed in range(16):
        write_image(folder / f"{seed}.png", draw_scene(seed, 48, 64).image)
    return folder


def test_taos_keys_have_their_meaning(machine: Machine, build: Build, tao: Path, tmp_path: Path) -> None:
    result = build(
        tao,
        trt_engine=str(tmp_path / "out" / "city.engine"),
        timing_cache=str(tmp_path / "timing"),
        verbose=True,
        tensorrt={
            "data_type": "FP16", "workspace_size": 512, "layers_precision": ["conv2:fp32", "conv0:FP16"],
            "min_batch_size": 1, "opt_batch_size": 4, "max_batch_size": 8,
        },
    )  # fmt: skip
    assert result.engine == tmp_path / "out" / "city.engine"
    assert (tmp_path / "timing").read_bytes() == b"timed;"
    (built,) = machine.built
    assert built["shapes"] == {"input": [[1, 3, 32, 48], [4, 3, 32, 48], [8, 3, 32, 48]]}
    assert built["limits"] == {"WORKSPACE": 512 * 2**20}
    assert built["tf32"]
    graph = onnx.load_model_from_string(built["content"])
    assert {node.name: node.output[0] for node in graph.graph.node if node.op_type == "Conv"} == {
        "conv0": "first.half",
        "conv1": "second.half",
        "conv2": "output",
    }
    facts = json.loads((tmp_path / "out" / "engine.json").read_text())
    assert facts == {
        key: value for key, value in json.loads(json.dumps(result.to_json())).items() if key in facts
    }
    assert (facts["precision"], facts["keep"], facts["gpu"]) == ("fp16", ["conv2"], GPU)
    assert facts["outputs"] == {"output": ["float", [-1, 3, 32, 48]]}
    assert result.notes == (
        "a note of the reading",
        "gen_trt_engine.tensorrt.layers_precision conv0:FP16 has no effect: the engine is fp16",
    )


def test_the_deployment_graph_lands_in_the_tasks_folder(
    machine: Machine, build: Build, tmp_path: Path
) -> None:
    result = build(OURS, batch_size=2, tensorrt=SIZE)
    folder = tmp_path / "results" / "gen_trt_engine"
    assert result.engine == folder / "model.engine"
    assert result.facts.profile == {"images": ((2, 64, 96, 3),) * 3}
    # All that follows from a fixed shape is constant: TensorRT has no shapes to work out.
    (built,) = machine.built
    graph = onnx.load_model_from_string(built["content"]).graph
    assert "Shape" not in {node.op_type for node in graph.node}
    assert result.facts.outputs == dict.fromkeys(("ids", "confidence"), ("uint8", (2, 64, 96)))
    records = [json.loads(line) for line in (folder / "status.json").read_text().splitlines()]
    assert [entry["status"] for entry in records] == ["STARTED", "RUNNING", "SUCCESS"]
    assert records[0]["message"] == "Starting SegFormer gen_trt_engine."


def test_int8_is_calibrated_on_images(
    machine: Machine, build: Build, tao: Path, tiny_model: Exported, pictures: Path
) -> None:
    calibration = {"cal_image_dir": [str(pictures)], "cal_batch_size": 2, "cal_batches": 8}
    ours = tiny_model.spec.file(tiny_model.folder, "onnx")
    for source, size in ((tao, {}), (ours, SIZE)):
        build(source, tensorrt={"data_type": "int8", "calibration": calibration, **size})
        model = onnx.load_model_from_string(machine.built[-1]["content"])
        assert is_quantized(model)
        # TensorRT takes no zero points.
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        zeros = [constants[node.input[2]] for node in model.graph.node if node.op_type == "QuantizeLinear"]
        assert zeros
        assert all(zero.dtype == np.int8 and not zero.any() for zero in zeros)


INT8 = {"data_type": "int8", "calibration": {"cal_image_dir": ["nowhere"]}}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"onnx_file": "nowhere.onnx"}, "there is no file nowhere.onnx"),
    ({"trt_engine": "."}, "gen_trt_engine.trt_engine: . is a folder. remove it"),
    ({"tensorrt": {"data_type": "fp8"}}, "data_type is 'fp8'"),
    ({"tensorrt": {"layers_precision": ["conv0:int8"]}}, "'conv0:int8' is not possible in an engine of fp32"),
    ({"tensorrt": {"data_type": "fp16", "layers_precision": ["neck*:fp32"]}}, "no node is called 'neck*'"),
    ({"tensorrt": INT8}, "no folder nowhere"),
    ({"onnx_file": OURS}, "street-b0 keeps the aspect of images, so its engine takes one size"),
]


@pytest.mark.parametrize(("keys", "words"), WRONG)
@pytest.mark.usefixtures("machine")
def test_what_is_wrong_is_one_line(
    build: Build, tao: Path, tmp_path: Path, keys: dict[str, Any], words: str
) -> None:
    with pytest.raises(SegstudioError) as caught:
        build(**{"onnx_file": tao, **keys})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.engine"))


@pytest.mark.usefixtures("machine")
def test_fewer_images_than_asked_for(build: Build, tao: Path, pictures: Path) -> None:
    calibration = {"cal_image_dir": [str(pictures)], "cal_batch_size": 4, "cal_batches": 5}
    with pytest.raises(SegstudioError, match=r"16 images are in .*cal_batch_size x cal_batches is 20"):
        build(tao, tensorrt={"data_type": "int8", "calibration": calibration})


def test_without_tensorrt_the_task_fails_with_the_line_that_installs_it(
    build: Build, tao: Path, tmp_path: Path
) -> None:
    if importlib.util.find_spec("tensorrt_libs"):
        pytest.skip("TensorRT is installed here")
    with pytest.raises(BackendError, match="pip install tensorrt cuda-bindings"):
        build(tao)
    last = (tmp_path / "results" / "gen_trt_engine" / "status.json").read_text().splitlines()[-1]
    assert json.loads(last)["status"] == "FAILURE"


def test_the_command_prints_one_object_or_tensorrts_lines(
    machine: Machine, tao: Path, tmp_path: Path
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(f"results_dir: {tmp_path}\ngen_trt_engine: {{onnx_file: {tao}, verbose: true}}\n")
    words = ["-e", str(spec), "gen_trt_engine.tensorrt.data_type=bf16"]
    found = CliRunner().invoke(app, ["gen_trt_engine", *words, "--json"])
    assert found.exit_code == 0, found.output
    values = json.loads(found.stdout)
    assert values["precision"] == "bf16"
    assert Path(values["engine"]).is_file()
    plain = CliRunner().invoke(app, ["gen-trt-engine", *words])
    assert f"MB of bf16 for {GPU} and TensorRT {machine.version}" in plain.output
    assert "tensorrt: building" in plain.output
