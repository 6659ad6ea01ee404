"""Makes a model folder of an ONNX file that someone else exported: folded, wrapped, and proved equal."""

import dataclasses
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.annotation.palette_choice import choose_palette, require_count
from segstudio.deploy.model_folder import (
    ONNX_FILE,
    external_files,
    folder_in_the_making,
    parity_images,
    write_proved,
)
from segstudio.deploy.onnx_facts import OnnxFacts, embedded_spec, inspect_model
from segstudio.deploy.onnx_fold import FoldOutcome, fold_head
from segstudio.deploy.onnx_graph import (
    GraphIndex,
    attributes,
    load_onnx,
    open_session,
    save_onnx,
)
from segstudio.deploy.onnx_wrap import holds_half, original_answer, widened, with_usable_opset, wrapped
from segstudio.deploy.parity import ParityReport, backend_names, compare_backend
from segstudio.errors import BackendError, ModelError
from segstudio.inference.onnx_ import runtime_errors
from segstudio.inference.spec import ModelSpec, ResizeRule
from segstudio.networks.variants import FAN_VARIANTS, MIT_VARIANTS

Triple = tuple[float, float, float]
UNKNOWN_ARCHITECTURE = "onnx"
# The rounding of float16 turns close decisions; this share of ids has to stay when it is left out.
LEAST_HALF_AGREEMENT = 0.995
# Above these pixels of the network's input, two pictures have to do: each one takes many seconds.
MANY_PIXELS = 2**20


@dataclasses.dataclass(frozen=True)
class Adopted:
    """A finished model folder, what its file was found to be, and the proof; `fold` says why not, if so."""

    folder: Path
    spec: ModelSpec
    facts: OnnxFacts
    folded: bool
    fold: str
    parity: tuple[ParityReport, ...]


def adopt_onnx(
    path: Path,
    out: Path,
    *,
    name: str,
    palette: Palette | None = None,
    mean: Triple | None = None,
    std: Triple | None = None,
    short_side: int = 512,
    licence: str = "",
) -> Adopted:
    """Makes a model folder of a foreign ONNX file; nothing appears at `out` unless parity holds.

    Args:
        path: the ONNX file.
        out: the model folder to make; an existing one's files are replaced.
        name: the model's name.
        palette: the palette of its classes; None takes the usual one of that many classes.
        mean: per channel, for pixels 0-1; None takes the producer's usual one.
        std: per channel, for pixels 0-1; None takes the producer's usual one.
        short_side: pixels of the shorter side where the file leaves height and width free.
        licence: what the model card says about the licence.

    Raises:
        ModelError: no segmentation network, or answers that differ.
        PaletteError: a palette that does not fit, or none is usual.
    """
    where = str(path)
    original = load_onnx(path)
    facts = inspect_model(original, where)
    spec = _deployment_spec(original, facts, name, palette, where)
    if spec is not None:
        model, fold = original, FoldOutcome(original, False, "a deployment graph is taken as it is")
    else:
        classes = palette or choose_palette("", facts.classes)
        assert classes is not None
        require_count(classes, facts.classes)
        spec = _spec(facts, classes, name, mean or facts.mean, std or facts.std, short_side)
        if holds_half(original):
            original, facts = _in_float32(original, facts, spec, where)
        fold = fold_head(with_usable_opset(original, where))
        spec = dataclasses.replace(
            spec,
            architecture=_architecture(fold),
            embed_dim=fold.embed_dim,
            notes=_notes(path, original, facts, fold),
        )
        model = wrapped(fold.model, facts, spec)
    spec = dataclasses.replace(
        spec,
        licence=licence or spec.licence,
        weights_sha256=_digest(path),
        created=time.strftime("%Y-%m-%d"),
    )
    spec, reports = _make_folder(model, original, facts, spec, out, where)
    return Adopted(out, spec, facts, fold.folded, fold.reason, tuple(reports))


def _deployment_spec(
    model: onnx.ModelProto, facts: OnnxFacts, name: str, palette: Palette | None, where: str
) -> ModelSpec | None:
    """The spec inside a deployment graph of ours, under its new name; None for other files."""
    if facts.kind != "deployment":
        return None
    spec = embedded_spec(model, where)
    if spec is None:
        raise ModelError(
            f"{where} is a deployment graph without segstudio's metadata", hint="export the model again"
        )
    if palette:
        require_count(palette, facts.classes)
        spec = dataclasses.replace(spec, classes=palette.names, palette=palette.name)
    return dataclasses.replace(spec, name=name, files={"onnx": ONNX_FILE})


def _spec(
    facts: OnnxFacts, palette: Palette, name: str, mean: Triple, std: Triple, short_side: int
) -> ModelSpec:
    rule = ResizeRule("short_side", short_side)
    if facts.height:
        rule = ResizeRule("stretch", facts.height, facts.width)
    return ModelSpec(
        name=name,
        architecture=UNKNOWN_ARCHITECTURE,
        classes=palette.names,
        palette=palette.name,
        files={"onnx": ONNX_FILE},
        resize=rule,
        mean=mean,
        std=std,
        head="ids" if facts.kind == "ids" else "ids+confidence",
    )


def _in_float32(
    model: onnx.ModelProto, facts: OnnxFacts, spec: ModelSpec, where: str
) -> tuple[onnx.ModelProto, OnnxFacts]:
    """The model and its facts with float32 in the place of float16, if it still answers nearly alike."""
    wide = widened(model)
    wide_facts = dataclasses.replace(facts, input_dtype="float32")
    narrow_session, wide_session = open_session(model, where), open_session(wide, where)
    for image in parity_images()[:2]:
        found, _ = original_answer(wide_session, wide_facts, spec, image)
        expected, _ = original_answer(narrow_session, facts, spec, image)
        if np.mean(found == expected) < LEAST_HALF_AGREEMENT:
            raise ModelError(
                f"{where} answers otherwise in float32 than in float16", hint="export it in float32"
            )
    return wide, wide_facts


def _notes(path: Path, model: onnx.ModelProto, facts: OnnxFacts, fold: FoldOutcome) -> str:
    made_by = " ".join(f"{model.producer_name} {model.producer_version}".split()) or "an unnamed tool"
    head = f"head not folded: {fold.reason}"
    if fold.folded:
        head = f"head folded, relative error {fold.error:.1e} (before: {fold.original_error:.1e})"
    parts = [f"adopted from {path.name}, made by {made_by}", facts.reason, head]
    if facts.kind == "ids":
        parts.append(
            "the file gives ids only: confidence is unknown and always 255, edges are those of its size"
        )
    return "; ".join(parts)


def _architecture(fold: FoldOutcome) -> str:
    """The backbone whose channels and number of blocks the file has."""
    for name, fan in FAN_VARIANTS.items():
        if fan.dims == fold.dims:
            return name
    index = GraphIndex(fold.model.graph)
    # A MiT block has one depthwise convolution, and nothing else has any.
    blocks = 0
    for node in fold.model.graph.node:
        group = attributes(node).get("group", 1) if node.op_type == "Conv" else 1
        weight = index.constant(node.input[1]) if group > 1 else None
        blocks += weight is not None and weight.shape[0] == group
    for name, mit in MIT_VARIANTS.items():
        if mit.dims == fold.dims and sum(mit.depths) == blocks:
            return name
    return UNKNOWN_ARCHITECTURE


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _make_folder(
    model: onnx.ModelProto,
    original: onnx.ModelProto,
    facts: OnnxFacts,
    spec: ModelSpec,
    out: Path,
    where: str,
) -> tuple[ModelSpec, list[ParityReport]]:
    with folder_in_the_making(out) as folder:
        beside = save_onnx(model, folder / ONNX_FILE)
        spec = dataclasses.replace(spec, files={**spec.files, **external_files(beside)})
        reports = _parity(folder, original, facts, spec, where)
        write_proved(spec, reports, folder)
    return spec, reports


def _parity(
    folder: Path, original: onnx.ModelProto, facts: OnnxFacts, spec: ModelSpec, where: str
) -> list[ParityReport]:
    """Every backend of this machine on the folder, against the original file in ONNX Runtime."""
    images = parity_images()
    if facts.height * facts.width > MANY_PIXELS:
        images = [images[0], images[-1]]
    session = open_session(original, where)
    expected = [original_answer(session, facts, spec, image) for image in images]
    return [_compared(name, folder, spec, images, expected, where) for name in backend_names()]


def _compared(
    name: str,
    folder: Path,
    spec: ModelSpec,
    images: Sequence[NDArray[np.uint8]],
    expected: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]],
    where: str,
) -> ParityReport:
    try:
        return compare_backend(name, folder, spec, images, expected)
    except BackendError as refusal:
        raise ModelError(f"{where} cannot be adopted: {refusal.message}", hint=refusal.hint) from refusal
    except runtime_errors() as failure:
        reason = " ".join(str(failure).split())[:200]
        raise ModelError(f"{where} cannot be adopted: it fails in {name}: {reason}") from failure
