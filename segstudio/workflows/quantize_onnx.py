"""The task quantize with modelopt.onnx: a model folder whose deployment graph has Q/DQ pairs."""

import dataclasses
import hashlib
import tempfile
import time
from pathlib import Path
from typing import Literal

from segstudio.errors import SpecError
from segstudio.inference.spec import FILE, ModelSpec, load_spec, save_spec
from segstudio.training.spec.derived import resize_rule
from segstudio.workflows.model_palette import keep_palette, palette_of_model, palette_of_run
from segstudio.workflows.quantize_result import Sides
from segstudio.workflows.quantize_task import Made, Task, load

Kind = Literal["int8", "fp8"]
NAME = "quantized"
ONNX_SUFFIX = ".onnx"


def with_modelopt_onnx(task: Task) -> Made:
    """Quantises the deployment graph of a model folder, of weights, or made of another ONNX file."""
    from segstudio.deploy.model_folder import ONNX_FILE
    from segstudio.deploy.modelopt_ import answers, chosen_nodes
    from segstudio.deploy.onnx_graph import load_onnx, weight_bytes
    from segstudio.deploy.onnx_half import float_weights

    with tempfile.TemporaryDirectory() as scratch:
        task.context.progress(0, 0, "making the deployment graph")
        folder, spec, notes = deployment_model(task, Path(scratch))
        source = spec.file(folder, "onnx")
        chosen, kept = chosen_nodes(source, task.rules, task.skip)
        kind = one_type([types.weights for types in chosen.values()])
        write_folder(task, source, spec, kind, kept)
        palette = palette_of_model(spec)
        target = task.artefact / ONNX_FILE
        return Made(
            source=task.spec.quantize.model_path,
            layers={kind: len(chosen)},
            kept=len(kept),
            bytes_before=weight_bytes(float_weights(load_onnx(source))),
            bytes_after=target.stat().st_size,
            device="cpu",
            sides=Sides(answers(source), answers(target), palette),
            notes=(*notes, f"{task.artefact} is a model folder; its ONNX file is made for TensorRT"),
        )


def write_folder(task: Task, source: Path, spec: ModelSpec, kind: Kind, kept: list[str]) -> None:
    """Makes the model folder of the quantised graph; the folder before stays where that fails."""
    from segstudio.deploy.model_folder import ONNX_FILE, folder_in_the_making
    from segstudio.deploy.modelopt_ import quantize_modelopt

    images = task.images()
    task.context.progress(0, 0, f"measuring ranges on {len(images)} images")
    method: Literal["max", "entropy"] = "entropy" if task.spec.quantize.algorithm == "entropy" else "max"
    with folder_in_the_making(task.artefact) as making:
        target = making / ONNX_FILE
        quantize_modelopt(source, target, images, kind=kind, method=method, keep=kept)
        made = dataclasses.replace(
            spec,
            files={"onnx": ONNX_FILE},
            precision=kind,
            weights_sha256=hashlib.sha256(target.read_bytes()).hexdigest(),
            parent=spec.name,
            parent_sha256=spec.weights_sha256,
            created=time.strftime("%Y-%m-%d"),
            metrics={},
            speed=(),
        )
        save_spec(made, making)
        if "palette" in spec.files:
            keep_palette(palette_of_model(spec), made, making)


def one_type(kinds: list[str]) -> Kind:
    """The one type of all nodes.

    Raises:
        SpecError: there are none, or two.
    """
    if not kinds:
        raise SpecError(
            "quantize.layers and quantize.skip_names leave nothing to quantise", hint='"*" is all of it'
        )
    if len(set(kinds)) > 1:
        raise SpecError("quantize.layers has int8 and fp8, and one graph has one of them", hint="choose one")
    return "int8" if kinds[0] == "int8" else "fp8"


def deployment_model(task: Task, scratch: Path) -> tuple[Path, ModelSpec, list[str]]:
    """A model folder of what quantize.model_path names, the spec of it, and lines for the user."""
    source = Path(task.spec.quantize.model_path)
    if (source / FILE).is_file() and "onnx" in (spec := load_spec(source)).files:
        return source, spec, []
    if source.suffix == ONNX_SUFFIX:
        from segstudio.deploy.onnx_adopt import adopt_onnx

        adopted = adopt_onnx(source, scratch / NAME, name=NAME)
        return adopted.folder, adopted.spec, []
    return exported(task, scratch)


def exported(task: Task, scratch: Path) -> tuple[Path, ModelSpec, list[str]]:
    """A model folder of weights, which looks at images as the spec says."""
    from segstudio.deploy.export import export_network

    loaded = load(task.spec, task.spec.quantize.model_path)
    palette, own = palette_of_run(loaded.palette, NAME)
    spec = ModelSpec(
        NAME, "", palette.names, palette.name, {}, resize_rule(task.spec), loaded.mean, loaded.std
    )
    made = export_network(loaded.network, spec, scratch / NAME)
    keep_palette(own, made.spec, made.folder)
    return made.folder, load_spec(made.folder), list(loaded.notes)
