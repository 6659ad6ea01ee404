"""Gives a model's weights back in the forms of other programs, so that nobody is locked in."""

from pathlib import Path

from segstudio.annotation.palette import load_palette
from segstudio.errors import InputError, ModelError
from segstudio.inference.catalog import find_model
from segstudio.inference.spec import ModelSpec

FORMS = ("huggingface", "nvlabs", "mmseg")


def export_weights(model: str | Path, out: Path, form: str) -> str:
    """Writes a model's weights to `out`; returns a note for the user, which may be empty. Imports torch.

    Args:
        model: name or folder of a model.
        out: a folder for "huggingface", a .pth file otherwise; it must not exist.
        form: one of FORMS.

    Raises:
        InputError: no such form, or `out` exists.
        ModelError: the model has no weights, or the form has no such network.
    """
    from segstudio.networks import weights_out
    from segstudio.networks.checkpoint_file import read_checkpoint_file
    from segstudio.networks.key_maps import recognise

    if form not in FORMS:
        raise InputError(f"form {form!r}", hint=f"use one of: {', '.join(FORMS)}")
    if out.exists():
        raise InputError(f"{out} exists already", hint="choose another place for --out")
    folder, spec = find_model(model)
    if "weights" not in spec.files:
        raise ModelError(
            f"model {spec.name} has no weights, only an engine graph", hint="import its checkpoint instead"
        )
    found = recognise(read_checkpoint_file(spec.file(folder, "weights")))
    tensors = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in found.tensors.items()
    }
    palette = load_palette(spec.palette)
    colours = [entry.rgb for entry in palette.classes]
    if form == "huggingface":
        weights_out.save_huggingface(
            tensors, found.architecture, spec.classes, colours, spec.mean, spec.std, usual_size(spec), out
        )
        stretched = spec.resize.mode == "stretch"
        return "" if stretched else "transformers stretches images to one size; here they keep their aspect"
    if form == "nvlabs":
        weights_out.save_nvlabs(tensors, found.architecture, spec.classes, colours, out)
        return ""
    return weights_out.save_mmseg(tensors, found.architecture, spec.classes, colours, out)


def usual_size(spec: ModelSpec) -> tuple[int, int]:
    """Height and width at which the network sees images, square where the rule keeps the aspect."""
    return spec.resize.size, spec.resize.width or spec.resize.size
