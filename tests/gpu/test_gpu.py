"""What needs a GPU: CUDA's answers beside the CPU's, training with bf16; each skips with what is missing."""

import copy
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from segstudio.deploy.export import Exported
from segstudio.deploy.graph import DeploymentGraph, FoldedNetwork
from segstudio.inference.backend import BACKENDS, Options, Precision, available_backends, open_backend
from segstudio.inference.predictor import Predictor
from segstudio.jobs import JobContext
from segstudio.networks.architecture import Architecture
from segstudio.networks.pretrained import load_pretrained
from segstudio.networks.segformer import SegFormer
from segstudio.training.events import read_events
from segstudio.training.journal import Journal
from segstudio.training.loop import train
from segstudio.training.prepare import prepare
from segstudio.training.spec.derived import task_folder
from segstudio.training.spec.load import merge, spec_from_dict, spec_to_dict
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.step import training_step
from tests.inference.conftest import noise, session_home, tiny_model

__all__ = ["session_home", "tiny_model"]

pytestmark = pytest.mark.gpu
SIDE = 64
SIZES = [(1, 1), (33, 47), (120, 160), (360, 480)]
needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason=f"torch {torch.__version__} finds no CUDA device here"
)


@pytest.fixture(autouse=True)
def full_precision() -> Iterator[None]:
    """TF32 rounds to 10 bits, which no comparison with the CPU could see through."""
    products, convolutions = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = products, convolutions


@pytest.fixture
def network(tiny_model: Exported) -> SegFormer:
    """The tiny model's network on the CPU."""
    made = SegFormer(Architecture("mit_b0", len(tiny_model.spec.classes)))
    load_pretrained(made, str(tiny_model.spec.file(tiny_model.folder, "weights")))
    return made.eval()


def require_alike(found: tuple[NDArray[np.uint8], ...], expected: tuple[NDArray[np.uint8], ...]) -> None:
    """The bounds of the export's own proof, and no single class that would hide a difference."""
    assert np.mean(found[0] == expected[0]) >= 0.999
    assert np.abs(found[1].astype(int) - expected[1].astype(int)).max() <= 2


def skip_without(backend: str, device: str) -> None:
    """Skips unless a backend works here on such a device."""
    if backend not in BACKENDS:
        pytest.skip(f"segstudio has no backend {backend!r} yet")
    status = next(entry for entry in available_backends() if entry.name == backend)
    if not status.available or device not in status.device:
        pytest.skip(f"{backend} has no {device} here: {status.reason or f'it runs on {status.device}'}")


@pytest.fixture(scope="session")
def onnx_cuda() -> None:
    """Skips before a model is exported for nothing."""
    skip_without("onnx", "CUDA")


@pytest.fixture(scope="session")
def tensorrt_backend() -> None:
    """As above."""
    if importlib.util.find_spec("tensorrt") is None:
        pytest.skip("tensorrt is not installed: pip install 'segstudio[gpu]'")
    skip_without("tensorrt", "")


@needs_cuda
@pytest.mark.parametrize("size", SIZES)
def test_deployment_graph_on_cuda_equals_the_cpu(
    tiny_model: Exported, network: SegFormer, size: tuple[int, int]
) -> None:
    images = torch.from_numpy(np.stack([noise(*size, seed) for seed in (1, 2)]))
    on_cpu = DeploymentGraph(copy.deepcopy(network), tiny_model.spec)(images)
    on_cuda = DeploymentGraph(network, tiny_model.spec).cuda()(images.cuda())
    assert all(tensor.is_cuda and tensor.dtype == torch.uint8 for tensor in on_cuda)
    require_alike(tuple(one.cpu().numpy() for one in on_cuda), tuple(one.numpy() for one in on_cpu))


@needs_cuda
def test_folded_network_on_cuda_equals_the_plain_one(network: SegFormer) -> None:
    x = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        exact = copy.deepcopy(network).double()(x.double())
        folded = FoldedNetwork(network).cuda()(x.cuda())
    assert float((folded.cpu() - exact).abs().max()) < 1e-4 * float(exact.abs().max())


@pytest.mark.usefixtures("onnx_cuda")
@pytest.mark.parametrize("size", SIZES)
def test_onnx_runtime_on_cuda_equals_torch_on_the_cpu(
    tiny_model: Exported, network: SegFormer, size: tuple[int, int]
) -> None:
    backend = open_backend(tiny_model.folder, tiny_model.spec, "onnx")
    assert backend.device == "CUDA"
    image = noise(*size, 4)
    found = backend.run(image[None])
    expected = DeploymentGraph(network, tiny_model.spec)(torch.from_numpy(image)[None])
    require_alike(found, tuple(one.numpy() for one in expected))
    backend.close()


@pytest.mark.usefixtures("onnx_cuda")
def test_a_batch_on_onnx_runtime_with_cuda(tiny_model: Exported) -> None:
    backend = open_backend(tiny_model.folder, tiny_model.spec, "onnx")
    images = np.stack([noise(100, 140, seed) for seed in range(3)])
    predictor = Predictor(backend, tiny_model.spec)
    for image, ids, confidence in zip(images, *backend.run(images), strict=True):
        alone = predictor.predict(image)
        require_alike((ids, confidence), (alone.ids, alone.confidence))
    backend.close()


@needs_cuda
def test_torch_backend_on_cuda_equals_the_cpu_at_more_sizes_than_it_records(
    tiny_model: Exported, network: SegFormer
) -> None:
    backend = open_backend(tiny_model.folder, tiny_model.spec, "torch:cuda")
    assert backend.device == "CUDA"
    graph = DeploymentGraph(network, tiny_model.spec)
    # The second round replays what is recorded, and records again what was dropped.
    for seed in (5, 6):
        for size in (*SIZES, (200, 90), (64, 64)):
            images = np.stack([noise(*size, seed), noise(*size, seed + 10)])
            ids, confidence = graph(torch.from_numpy(images))
            require_alike(backend.run(images), (ids.numpy(), confidence.numpy()))
    backend.close()


@needs_cuda
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_torch_backend_in_half_precision_nearly_equals_the_cpu(
    tiny_model: Exported, network: SegFormer, precision: Precision
) -> None:
    backend = open_backend(tiny_model.folder, tiny_model.spec, "torch:cuda", Options(precision=precision))
    image = noise(360, 480, 7)[None]
    ids, _ = DeploymentGraph(network, tiny_model.spec)(torch.from_numpy(image))
    assert np.mean(backend.run(image)[0] == ids.numpy()) > 0.95
    backend.close()


@pytest.mark.usefixtures("tensorrt_backend")
def test_tensorrt_backend_equals_the_cpu(tiny_model: Exported, network: SegFormer) -> None:
    backend = open_backend(tiny_model.folder, tiny_model.spec, "tensorrt")
    for size in SIZES:
        image = noise(*size, 5)
        expected = DeploymentGraph(network, tiny_model.spec)(torch.from_numpy(image)[None])
        require_alike(backend.run(image[None]), tuple(one.numpy() for one in expected))
    backend.close()


@pytest.fixture
def cuda_spec(tmp_path: Path) -> ExperimentSpec:
    """Six steps on drawn scenes in bf16 on the GPU."""
    return spec_from_dict(
        {
            "results_dir": str(tmp_path / "run"),
            "dataset": {"segment": {"img_size": SIDE, "batch_size": 2, "workers": 0}},
            "train": {
                "seed": 3,
                "validation_interval": 1000,
                "checkpoint_interval": 1000,
                "checkpoint_interval_unit": "step",
                "optim": {"lr": 1e-3},
            },
            "studio": {
                "max_steps": 6,
                "accelerator": "cuda",
                "precision": "bf16-mixed",
                "threads": 1,
                "evaluation": {"short_side": SIDE},
                "sources": [{"kind": "scenes", "count": 2, "height": 96, "width": 128}],
            },
        }
    )


@needs_cuda
def test_one_training_step_in_bf16_has_a_finite_loss_and_moves_the_weights(cuda_spec: ExperimentSpec) -> None:
    products: list[torch.dtype] = []

    def note(module: nn.Module, given: tuple[torch.Tensor, ...], answer: torch.Tensor) -> None:
        products.append(answer.dtype)

    with Journal(task_folder(cuda_spec, "train"), JobContext(), cuda_spec, silent=False) as journal:
        run = prepare(cuda_spec, JobContext(), journal)
        assert run.fabric.device.type == "cuda"
        before = {name: tensor.clone() for name, tensor in run.state.network.named_parameters()}
        run.state.network.get_submodule("decode_head.linear_pred").register_forward_hook(note)
        images = torch.from_numpy(np.stack([noise(SIDE, SIDE, seed) for seed in (1, 2)])).permute(0, 3, 1, 2)
        target = torch.arange(SIDE)[None, :, None].expand(2, SIDE, SIDE).div(8, rounding_mode="floor")
        loss = training_step(run, [(images, target.to(torch.uint8))])
    assert 0 < float(loss) < 20
    assert products == [torch.bfloat16]
    changed = [
        name for name, old in before.items() if not torch.equal(old, run.state.network.get_parameter(name))
    ]
    assert len(changed) > 0.9 * len(before)
    for name, tensor in run.state.network.named_parameters():
        assert tensor.dtype == torch.float32, name
        assert bool(tensor.isfinite().all()), name


@needs_cuda
def test_training_on_cuda_ends_and_leaves_weights_that_the_cpu_reads(cuda_spec: ExperimentSpec) -> None:
    result = train(cuda_spec, JobContext())
    assert (result.steps, result.stopped) == (6, False)
    (step,) = [event for event in read_events(result.folder) if event["kind"] == "step"]
    assert np.isfinite(step["loss"])
    network = SegFormer(Architecture("mit_b0", 19))
    assert load_pretrained(network, str(result.folder / "latest.safetensors")).share == 1.0
    with torch.inference_mode():
        assert bool(network.eval()(torch.zeros(1, 3, SIDE, SIDE)).isfinite().all())


@needs_cuda
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("muon", [False, True])
def test_every_precision_and_optimiser_learns_and_resumes(
    cuda_spec: ExperimentSpec, precision: str, muon: bool
) -> None:
    values = merge(
        spec_to_dict(cuda_spec),
        {"studio": {"precision": precision, "optim": {"muon": muon}, "max_steps": 12, "log_every": 1}},
    )
    stopper = JobContext(
        on_event=lambda event: stopper.cancel() if event.get("step") == 5 else None  # type: ignore[attr-defined]  # events are dicts
    )
    assert train(spec_from_dict(values), stopper).stopped
    result = train(spec_from_dict(values), JobContext())
    assert (result.steps, result.stopped) == (12, False)
    losses = {event["step"]: event["loss"] for event in read_events(result.folder) if event["kind"] == "step"}
    assert np.isfinite(list(losses.values())).all()
    assert np.mean([losses[step] for step in (10, 11, 12)]) < np.mean([losses[step] for step in (1, 2, 3)])


@needs_cuda
def test_gradients_on_cuda_equal_the_cpus(network: SegFormer) -> None:
    x = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(5))
    target = torch.arange(16)[None, :, None].expand(2, 16, 16)
    gradients = []
    for device in ("cpu", "cuda"):
        # In evaluation, so that no dropout draws differ.
        one = copy.deepcopy(network).to(device).eval()
        loss = F.cross_entropy(one(x.to(device)), target.to(device))
        torch.autograd.backward([loss])
        gradients.append({name: tensor.grad for name, tensor in one.named_parameters()})
    for name, on_cpu in gradients[0].items():
        on_cuda = gradients[1][name]
        assert on_cpu is not None
        assert on_cuda is not None
        error = float((on_cuda.cpu() - on_cpu).norm() / on_cpu.norm().clamp_min(1e-6))
        assert error < 1e-2, name
