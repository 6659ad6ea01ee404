"""The task quantize: makes a network's layers int8 or fp8 as a spec says, and compares the answers."""

import json
import time
from collections.abc import Callable, Mapping, Sequence

from segstudio.images import atomic_write
from segstudio.jobs import JobContext
from segstudio.training.spec.derived import task_folder
from segstudio.training.spec.load import spec_yaml
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.workflows.quantize_onnx import with_modelopt_onnx
from segstudio.workflows.quantize_result import Comparison, QuantizeResult, Sides, compared
from segstudio.workflows.quantize_task import MODELOPT, MODELOPT_ONNX, TASK, TORCHAO, Made, Task, prepared
from segstudio.workflows.quantize_torch import with_modelopt, with_torchao
from segstudio.workflows.spec_calibration import COMPARED, labelled

REPORT_FILE, SPEC_FILE = "results.json", "experiment.yaml"
# What each backend does.
BACKENDS: Mapping[str, Callable[[Task], Made]] = {
    TORCHAO: with_torchao,
    MODELOPT: with_modelopt,
    MODELOPT_ONNX: with_modelopt_onnx,
}


def quantize_spec(
    spec: ExperimentSpec, context: JobContext | None = None, notes: Sequence[str] = ()
) -> QuantizeResult:
    """Quantises quantize.model_path as the spec says; imports torch.

    Writes into the folder of the task: the artefact (see ARTEFACTS; that of modelopt.onnx is a model folder),
    results.json, status.json and experiment.yaml.

    Args:
        spec: which weights, layers, types, images and backend.
        context: progress and cancellation.
        notes: of the spec's loader, to be passed on.

    Raises:
        SpecError: keys that do not go together, no layer to quantise, or too few images.
        BackendError: the backend is not installed, or fails.
        ModelError: the weights cannot be used.
        Cancelled: the context was cancelled; no artefact is written.
    """
    from segstudio.training.status import task_status

    context = context or JobContext()
    folder = task_folder(spec, TASK)
    with task_status(folder, "SegFormer quantization") as status:
        began = time.perf_counter()
        task, told = prepared(spec, context)
        made = BACKENDS[task.backend](task)
        comparison, further = compare(task, made.sides)
        result = QuantizeResult(
            backend=spec.quantize.backend,
            mode=spec.quantize.mode,
            algorithm=spec.quantize.algorithm,
            artefact=str(task.artefact),
            source=made.source,
            layers=made.layers,
            kept=made.kept,
            calibration_images=len(task.images()) if task.backend != TORCHAO else 0,
            device=made.device,
            seconds=round(time.perf_counter() - began, 3),
            bytes_before=made.bytes_before,
            bytes_after=made.bytes_after,
            comparison=comparison,
            notes=(*notes, *told, *made.notes, *further),
            folder=str(folder),
        )
        text = json.dumps(result.to_json(), indent=1, ensure_ascii=False)
        atomic_write(folder / REPORT_FILE, text.encode())
        atomic_write(folder / SPEC_FILE, spec_yaml(spec).encode())
        if comparison is not None:
            status.metrics("Quantization metrics generated.", {"agreement": comparison.agreement})
    return result


def compare(task: Task, sides: Sides) -> tuple[Comparison | None, list[str]]:
    """How the answers differ on some of the images, and lines for the user."""
    if task.calibration is None:
        return None, []
    pairs, truth, problem = labelled(task.spec, task.calibration, task.context)
    images = task.calibration.images(COMPARED)
    return compared(sides, images, pairs, truth, task.context), [problem] if problem else []
