"""Engines are built as they were asked for, and what goes wrong is one line that leaves nothing behind."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from segstudio.deploy import tensorrt_here
from segstudio.deploy.export import Exported
from segstudio.deploy.onnx_half import node_names
from segstudio.deploy.tensorrt_build import build_engine
from segstudio.deploy.tensorrt_graph import is_quantized
from segstudio.deploy.tensorrt_plan import EngineFacts, EnginePlan, digest, load_facts
from segstudio.errors import BackendError, Cancelled, InputError, ModelError, SegstudioError
from segstudio.jobs import JobContext
from tests.deploy.tensorrt_fake import GPU, Machine, install

SPANS = EnginePlan(batch=(1, 2, 4), height=(8, 32, 96), width=(8, 48, 96))
STRONGLY_TYPED = 2


@pytest.fixture(params=["10.13.0.35", "11.3.0.1"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return install(monkeypatch, version=request.param)


@pytest.fixture
def ten(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """TensorRT 10; at the end of a test nothing of it may be alive."""
    made = install(monkeypatch)
    yield made
    gc.collect()
    assert not made.alive
    assert not list(made.objects)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A float network of TAO's form, `input` to `output`, with free batch and a fixed size."""
    weight = np.random.default_rng(0).random((4, 3, 1, 1), np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["input", "weight"], ["output"], name="conv")],
        "small",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 32, 48])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 4, 32, 48])],
        [numpy_helper.from_array(weight, "weight")],
    )
    path = tmp_path / "small.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def content(machine: Machine) -> onnx.ModelProto:
    """What TensorRT was given."""
    return onnx.load_model_from_string(machine.built[-1]["content"])


def test_the_deployment_graph_is_built_strongly_typed_on_both_versions(
    tiny_model: Exported, machine: Machine, tmp_path: Path
) -> None:
    source = tiny_model.spec.file(tiny_model.folder, "onnx")
    engine = tmp_path / "out" / "model.engine"
    facts = build_engine(source, engine, SPANS, JobContext())
    (built,) = machine.built
    assert built["flags"] == (STRONGLY_TYPED if machine.version.startswith("10") else 0)
    assert built["shapes"] == {"images": [[1, 8, 8, 3], [2, 32, 48, 3], [4, 96, 96, 3]]}
    assert not built["tf32"]
    assert built["limits"] == {}
    assert facts == load_facts(engine)
    assert facts == EngineFacts(
        gpu=GPU,
        capability="8.6",
        tensorrt=machine.version,
        onnx_sha256=digest(source),
        precision="fp32",
        tf32=False,
        keep=(),
        profile={"images": ((1, 8, 8, 3), (2, 32, 48, 3), (4, 96, 96, 3))},
        outputs=dict.fromkeys(("ids", "confidence"), ("uint8", (-1, -1, -1))),
        bytes=engine.stat().st_size,
        seconds=facts.seconds,
    )
    assert facts.plan == SPANS


def test_free_axes_have_usual_spans_and_fixed_ones_keep_theirs(ten: Machine, small: Path) -> None:
    facts = build_engine(small, small.with_name("a.engine"), EnginePlan(), JobContext())
    assert facts.profile == {"input": ((1, 3, 32, 48), (1, 3, 32, 48), (1, 3, 32, 48))}
    assert facts.plan.height == (32, 32, 32)


def test_a_span_that_the_file_contradicts_is_refused(ten: Machine, small: Path) -> None:
    with pytest.raises(BackendError, match=r"small.onnx: axis 2 of input is fixed to 32, not 1/64/64"):
        build_engine(small, small.with_name("a.engine"), EnginePlan(height=(1, 64, 64)), JobContext())
    with pytest.raises(BackendError, match=r"axis 0 of input: 4/2/8. give three rising numbers"):
        build_engine(small, small.with_name("a.engine"), EnginePlan(batch=(4, 2, 8)), JobContext())


def test_fp16_is_in_the_graph_and_kept_names_are_not(
    ten: Machine, tiny_model: Exported, tmp_path: Path
) -> None:
    source = tiny_model.spec.file(tiny_model.folder, "onnx")
    kept = next(name for name in node_names(onnx.load_model(source)) if "block2.0/attn/q/MatMul" in name)
    plan = EnginePlan("fp16", keep=("/backbone/block2.0/attn/q*",))
    facts = build_engine(source, tmp_path / "a.engine", plan, JobContext())
    kinds = {
        end.name: end.type.tensor_type.elem_type
        for end in onnx.shape_inference.infer_shapes(content(ten)).graph.value_info
    }
    halves = [
        kinds[node.output[0]] == TensorProto.FLOAT16
        for node in content(ten).graph.node
        if node.op_type == "MatMul" and node.name != kept
    ]
    assert all(halves)
    assert kinds[f"{kept}_output_0"] == TensorProto.FLOAT
    assert (facts.precision, facts.keep) == ("fp16", plan.keep)


def test_workspace_is_megabytes_and_tf32_is_asked_for(ten: Machine, small: Path) -> None:
    plan = EnginePlan(tf32=True, workspace_mb=1024)
    build_engine(small, small.with_name("a.engine"), plan, JobContext())
    assert ten.built[0]["limits"] == {"WORKSPACE": 2**30}
    assert ten.built[0]["tf32"]


def test_the_timing_cache_is_read_and_written(ten: Machine, small: Path, tmp_path: Path) -> None:
    cache = tmp_path / "timing.cache"
    plan = EnginePlan(timing_cache=cache)
    for expected in (b"", b"timed;"):
        build_engine(small, tmp_path / "a.engine", plan, JobContext())
        assert ten.built[-1]["cache"] == expected
    cache.write_bytes(b"foreign")
    told: list[object] = []
    build_engine(small, tmp_path / "a.engine", plan, JobContext(on_event=told.append))
    assert "is of another GPU" in str(told)
    assert cache.read_bytes() == b"timed;"


def test_int8_takes_a_quantized_file_or_makes_one(ten: Machine, small: Path, tmp_path: Path) -> None:
    plan, engine = EnginePlan("int8"), tmp_path / "a.engine"
    with pytest.raises(ModelError, match=r"no quantized nodes.*images to calibrate with"):
        build_engine(small, engine, plan, JobContext())
    quantized = tmp_path / "quantized.onnx"

    def quantize(source: Path, target: Path) -> None:
        model = onnx.load_model(source)
        graph = model.graph
        graph.initializer.append(numpy_helper.from_array(np.asarray(0.01, np.float32), "scale"))
        graph.initializer.append(numpy_helper.from_array(np.asarray(0, np.int8), "zero"))
        pair = [
            helper.make_node("QuantizeLinear", ["input", "scale", "zero"], ["input.q"], name="quantize"),
            helper.make_node("DequantizeLinear", ["input.q", "scale", "zero"], ["input.dq"], name="restore"),
        ]
        nodes = [*pair, *graph.node]
        nodes[-1].input[0] = "input.dq"
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del graph.node[:]
        graph.node.extend(copies)
        target.write_bytes(model.SerializeToString())

    build_engine(small, engine, plan, JobContext(), quantize)
    assert is_quantized(content(ten))
    quantize(small, quantized)
    assert build_engine(quantized, engine, plan, JobContext()).precision == "int8"


def test_progress_is_told_and_a_wish_to_stop_ends_the_build(
    ten: Machine, small: Path, tmp_path: Path
) -> None:
    steps: list[tuple[float, float, str]] = []
    context = JobContext(lambda done, total, text: steps.append((done, total, text)))
    build_engine(small, tmp_path / "a.engine", EnginePlan(), context)
    assert steps[1:] == [(1, 3, "Building"), (2, 3, "Building"), (3, 3, "Building")]
    stopping = JobContext(lambda done, total, text: stopping.cancel() if total else None)
    with pytest.raises(Cancelled):
        build_engine(small, tmp_path / "b.engine", EnginePlan(), stopping)
    assert not (tmp_path / "b.engine").exists()


def test_verbose_hands_out_the_log(ten: Machine, small: Path, tmp_path: Path) -> None:
    told: list[object] = []
    build_engine(small, tmp_path / "a.engine", EnginePlan(verbose=True), JobContext(on_event=told.append))
    assert told == [{"kind": "log", "lines": ["building"]}]


TROUBLE = [
    ({"log_on_build": "Error Code 2: OutOfMemory"}, "ran out of GPU memory (1024 of 8192 MB are free)"),
    ({"log_on_build": "no implementation for node conv"}, "no implementation for node conv"),
    ({"refused": "Conv"}, "node conv (Conv): no importer registered"),
    ({"version": "9.3.0"}, "tensorrt 9.3.0 is too old"),
]


@pytest.mark.parametrize(("trouble", "words"), TROUBLE)
def test_trouble_is_one_line_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, small: Path, trouble: dict[str, str], words: str
) -> None:
    machine = install(monkeypatch, **trouble)
    engine = small.parent / "out" / "a.engine"
    with pytest.raises(SegstudioError) as caught:
        build_engine(small, engine, EnginePlan(), JobContext())
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not engine.parent.exists()
    caught.value.__traceback__ = None
    del caught
    gc.collect()
    assert not machine.alive


def test_a_folder_in_the_engines_place_is_refused(ten: Machine, small: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a folder\. remove it, or"):
        build_engine(small, tmp_path, EnginePlan(), JobContext())


def test_a_gpu_that_is_not_there(ten: Machine, small: Path, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="there is no GPU 3: CUDA finds 1"):
        build_engine(small, tmp_path / "a.engine", EnginePlan(device=3), JobContext())


def test_facts_about_another_file_are_refused(ten: Machine, small: Path, tmp_path: Path) -> None:
    engine = tmp_path / "a.engine"
    build_engine(small, engine, EnginePlan(), JobContext())
    engine.write_bytes(engine.read_bytes() + b" ")
    with pytest.raises(BackendError, match=r"engine.json is not about a.engine"):
        load_facts(engine)
    engine.with_name("engine.json").write_text('{"gpu": 1}')
    with pytest.raises(BackendError, match="does not describe an engine"):
        load_facts(engine)


def test_status_says_how_to_install_or_names_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    assert tensorrt_here.status() == (True, f"CUDA ({GPU})", "")
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    there, _, reason = tensorrt_here.status()
    assert not there
    assert "pip install tensorrt cuda-bindings" in reason
