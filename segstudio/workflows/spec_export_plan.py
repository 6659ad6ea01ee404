"""What an export from a spec is to make, and whether its places are free."""

import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.errors import InputError, ModelError, SpecError
from segstudio.inference.spec import FILE, ModelSpec, load_spec
from segstudio.training.spec.schema import ExperimentSpec

if TYPE_CHECKING:
    from segstudio.deploy.tao_graph import Output, TaoForm

# TAO's default side, which it takes whatever the network was trained at.
TAO_SIDE = 544
# In the file's metadata: a hash of the weights that it was made of.
WEIGHTS_KEY = "weights"


def tao_form(spec: ExperimentSpec) -> "tuple[TaoForm, tuple[str, ...]]":
    """The form that a spec asks for, and notes on what it says otherwise.

    Raises:
        SpecError: there is no such output.
    """
    from segstudio.deploy.tao_graph import OLDEST_OPSET, OUTPUTS, TaoForm

    export, notes = spec.export, []
    output: Output | None = next((name for name in OUTPUTS if name == spec.studio.export.output), None)
    if output is None:
        raise SpecError(
            f"studio.export.output is {spec.studio.export.output!r}",
            hint=f"it must be one of {', '.join(OUTPUTS)}",
        )
    side = spec.dataset.segment.img_size
    size = export.input_height, export.input_width
    if size == (TAO_SIDE, TAO_SIDE) and side != TAO_SIDE:
        size = side, side
        notes.append(
            f"export.input_height and input_width are TAO's default of {TAO_SIDE}, and the network was"
            f" trained at dataset.segment.img_size: {side} is taken"
        )
    if export.opset_version < OLDEST_OPSET:
        notes.append(
            f"export.opset_version is {export.opset_version}: {OLDEST_OPSET} is taken, since LayerNorm is"
            " whole from there on"
        )
    opset = max(OLDEST_OPSET, export.opset_version)
    form = TaoForm(
        output, channels=export.input_channel, batch=max(0, export.batch_size), size=size, opset=opset
    )
    return form, tuple(notes)


def settled_form(form: "TaoForm", model: ModelSpec) -> "tuple[TaoForm, tuple[str, ...]]":
    """The form with the normalisation inside where one grey channel cannot be normalised before it."""
    if form.channels == 3 or len({*model.mean}) + len({*model.std}) == 2:
        return form, ()
    note = "export.input_channel is 1, and the network has a mean and std by channel: the file takes grey 0-1"
    return dataclasses.replace(form, normalise_inside=True), (note,)


def onnx_target(spec: ExperimentSpec, folder: Path) -> Path:
    """The file to write: export.onnx_file, else one in the task's folder."""
    wanted = spec.export.onnx_file
    path = Path(wanted) if wanted else folder / f"{spec.studio.name}.onnx"
    return path if path.suffix else path.with_suffix(".onnx")


def require_free(target: Path, model_folder: Path | None, digest: str) -> None:
    """Refuses to write over what is not an earlier export of the same weights.

    Raises:
        InputError: names what is in the way.
    """
    if target.is_dir() or (target.exists() and weights_of(target) != digest):
        raise InputError(
            f"{target} exists already, and was not made of these weights",
            hint="set export.onnx_file to another file, or remove it",
        )
    if model_folder is not None and model_folder.exists() and not (model_folder / FILE).is_file():
        raise InputError(
            f"{model_folder} is in the way of the model's folder",
            hint="set export.onnx_file to another name, or studio.export.model_folder=false",
        )


def weights_of(path: Path) -> str:
    """The hash of the weights that an ONNX file of ours was made of; "" for others."""
    from segstudio.deploy.onnx_graph import load_onnx

    try:
        model = load_onnx(path)
    except ModelError:
        return ""
    return next((str(entry.value) for entry in model.metadata_props if entry.key == WEIGHTS_KEY), "")


def require_same_model(model_folder: Path, made: Path) -> None:
    """Refuses to write over a model of other weights than those of the folder `made`.

    Raises:
        InputError: names its folder.
    """
    if (model_folder / FILE).is_file() and tensors_of(model_folder) != tensors_of(made):
        raise InputError(
            f"{model_folder} holds a model of other weights",
            hint="set export.onnx_file to another name, or remove the folder",
        )


def tensors_of(model_folder: Path) -> str:
    """A hash of a model's tensors, which their order in the file does not change; "" without any."""
    from safetensors.numpy import load_file

    spec = load_spec(model_folder)
    if "weights" not in spec.files:
        return ""
    found = hashlib.sha256()
    for name, values in sorted(load_file(spec.file(model_folder, "weights")).items()):
        found.update(name.encode())
        found.update(values.tobytes())
    return found.hexdigest()
