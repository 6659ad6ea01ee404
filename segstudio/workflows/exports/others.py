"""Makes what other programs run: DeepStream bundles, TAO's graphs, Hugging Face folders."""

import shutil
from pathlib import Path

from segstudio.annotation.palette import load_palette
from segstudio.deploy.deepstream import write_bundle
from segstudio.deploy.model_folder import ONNX_FILE
from segstudio.deploy.nvinfer import BUNDLE_OUTPUTS, BundleOutput
from segstudio.deploy.tao_graph import TaoForm, write_tao
from segstudio.errors import InputError
from segstudio.inference.spec import load_spec
from segstudio.jobs import JobContext
from segstudio.workflows.exports.source import Made, Source
from segstudio.workflows.model_export import export_weights

LABELS = "labels.txt"


def make_deepstream(source: Source, folder: Path, context: JobContext) -> Made:
    """A bundle for nvinfer; `source.options["deepstream"]` is its output: argmax, logits or nvdsinfer."""
    context.progress(0, 1, "deepstream bundle")
    output = _output_named(source.options.get("deepstream", "argmax"))
    notes = write_bundle(
        source.model.folder,
        source.model.spec,
        folder,
        output=output,
        size=source.network_size,
        batch=source.batch or 1,
    )
    return Made(load_spec(folder), notes=notes)


def _output_named(name: str) -> BundleOutput:
    for output in BUNDLE_OUTPUTS:
        if output == name:
            return output
    raise InputError(f"deepstream output {name!r}", hint=f"use one of: {', '.join(BUNDLE_OUTPUTS)}")


def make_tao(source: Source, folder: Path, context: JobContext) -> Made:
    """TAO's graph (normalised input, float logits) with the classes' names, one a line."""
    context.progress(0, 1, "TAO's graph")
    form = TaoForm(batch=source.batch, size=source.network_size if source.size else None)
    found = write_tao(source.model.folder, source.model.spec, folder / ONNX_FILE, form)
    spec = source.finished(folder, "fp32", {"tao": ONNX_FILE})
    names = [entry.name for entry in load_palette(spec.palette).classes]
    (folder / LABELS).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    note = f"ONNX Runtime: logits within {found.error:.1e}, {found.agreement:.2%} of the ids equal"
    return Made(spec, notes=(note,))


def make_huggingface(source: Source, folder: Path, context: JobContext) -> Made:
    """Weights for transformers; imports torch."""
    context.progress(0, 1, "Hugging Face folder")
    if "weights" not in source.model.spec.files:
        return Made(None, missing="the model has no weights: import the checkpoint that it was made of")
    made = folder / "made"
    note = export_weights(source.model.folder, made, "huggingface")
    for path in made.iterdir():
        shutil.move(path, folder / path.name)
    made.rmdir()
    spec = source.finished(folder, "fp32", {"huggingface": "model.safetensors"})
    return Made(spec, notes=(note,) if note else ())
