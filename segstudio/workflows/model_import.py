"""Brings a foreign model into the catalog: model folders, weights of every producer, and ONNX files."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.annotation.palette_choice import choose_palette
from segstudio.errors import ModelError, PaletteError
from segstudio.inference.catalog import free_folder, import_model
from segstudio.inference.spec import FILE, ModelSpec, ResizeRule, load_spec
from segstudio.jobs import JobContext
from segstudio.workflows.model_palette import keep_palette, palette_of_file
from segstudio.workflows.model_source import (
    NORMALISATIONS,
    SHORT_SIDE,
    ImportChoices,
    Imported,
    Kind,
    SourceFacts,
    Triple,
)

if TYPE_CHECKING:
    from segstudio.deploy.parity import ParityReport
    from segstudio.networks.architecture import Architecture
    from segstudio.networks.checkpoint_file import CheckpointFile
    from segstudio.networks.key_maps import Recognised
    from segstudio.networks.weights import LoadReport

ONNX_SUFFIX = ".onnx"
# TAO 6 trains with these unless its settings say otherwise; all others use ImageNet's.
TAO_LIGHTNING = "TAO 6"


def inspect_source(source: str, context: JobContext | None = None) -> SourceFacts:
    """What a model folder, a file of weights, a Hugging Face folder or id, or an ONNX file holds.

    Imports torch unless it is a model folder or ONNX.

    Raises:
        ModelError: it is nothing that segstudio can use; says what it is instead.
    """
    context = context or JobContext()
    context.progress(0, 0, f"reading {Path(source).name}")
    kind = kind_of(source)
    if kind == "model":
        return _model_facts(source, load_spec(Path(source)))
    return _onnx_facts(source) if kind == "onnx" else _checkpoint_facts(source)


def import_source(
    source: str, choices: ImportChoices | None = None, context: JobContext | None = None
) -> Imported:
    """Makes a model of the catalog; nothing appears there unless its files answer like the source.

    Raises:
        ModelError, PaletteError: not usable, a name that is taken, a palette that does not fit, or files
            that differ from the source.
    """
    choices, context = choices or ImportChoices(), context or JobContext()
    context.progress(0, 3, f"reading {Path(source).name}")
    kind = kind_of(source)
    if kind == "model":
        entry = import_model(Path(source), choices.name)
        assert entry.spec is not None
        return _imported(entry.folder, entry.spec, "segstudio", None, (), ())
    return (_import_onnx if kind == "onnx" else _import_checkpoint)(source, choices, context)


def kind_of(source: str) -> Kind:
    """What a source is by its name; weights are looked into later."""
    path = Path(source)
    if (path / FILE).is_file():
        return "model"
    return "onnx" if path.suffix.lower() == ONNX_SUFFIX else "checkpoint"


def model_name(source: str) -> str:
    """A model's name for a source: letters, digits, dots, dashes and underscores."""
    path = Path(source)
    name = path.stem if path.is_file() else path.name
    # Names that say nothing about which model it is.
    if name in {"model", "pytorch_model", "weights", "best", "latest"} and path.resolve().parent.name:
        name = path.resolve().parent.name
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:64]
    return plain or "model"


def normalisation_name(mean: Triple, std: Triple) -> str:
    """What people call this mean and std; "" if they have no name for it."""
    for name, values in NORMALISATIONS.items():
        pairs = zip((*mean, *std), (*values[0], *values[1]), strict=True)
        if all(abs(given - known) < 1e-3 for given, known in pairs):
            return name
    return ""


# -- our own models -----------------------------------------------------------------------------------------


def _model_facts(source: str, spec: ModelSpec) -> SourceFacts:
    return SourceFacts(
        source, "model", "segstudio", spec.architecture, len(spec.classes), spec.classes, spec.palette, "",
        spec.mean, spec.std, "as the model's own spec says", 0, 0, spec.resize.size, spec.name,
        (spec.notes,) if spec.notes else (),
    )  # fmt: skip


# -- ONNX -------------------------------------------------------------------------------------------------


def _onnx_facts(source: str) -> SourceFacts:
    from segstudio.deploy.onnx_facts import embedded_spec, inspect_model
    from segstudio.deploy.onnx_graph import load_onnx

    model = load_onnx(Path(source))
    facts = inspect_model(model, source)
    spec = embedded_spec(model, source) if facts.kind == "deployment" else None
    if spec is not None:
        return _model_facts(source, spec)
    palette, problem = _suggested(facts.classes, ())
    notes: tuple[str, ...] = (f"output {facts.output_name}: {facts.kind}, {facts.output_layout}",)
    if facts.kind == "ids":
        notes += ("it gives ids alone, so there will be no confidence",)
    return SourceFacts(
        source, "onnx", facts.producer, f"ONNX opset {facts.opset}", facts.classes, (), palette, problem,
        facts.mean, facts.std, facts.reason, facts.height, facts.width, SHORT_SIDE, model_name(source), notes,
    )  # fmt: skip


def _import_onnx(source: str, choices: ImportChoices, context: JobContext) -> Imported:
    from segstudio.deploy.onnx_adopt import adopt_onnx

    facts = _onnx_facts(source)
    name = choices.name or facts.name
    out = free_folder(name)
    palette, own = None, None
    # A graph of ours knows its palette.
    if facts.kind != "model" or choices.palette:
        palette, own = palette_of_file(choices.palette or facts.palette, facts.classes, (), (), name)
    context.progress(1, 3, "folding the head and proving that the answers are equal")
    made = adopt_onnx(
        Path(source), out, name=name, palette=palette, mean=choices.mean, std=choices.std,
        short_side=choices.short_side or SHORT_SIDE, licence=choices.licence,
    )  # fmt: skip
    keep_palette(own, made.spec, out)
    fold = "its head was folded" if made.folded else f"its head was not folded: {made.fold}"
    return _imported(out, made.spec, facts.producer, None, (*facts.notes, fold), made.parity)


# -- weights ----------------------------------------------------------------------------------------------


def _read(source: str) -> "tuple[CheckpointFile, Recognised]":
    from segstudio.networks.checkpoint_file import read_checkpoint_file
    from segstudio.networks.key_maps import recognise

    file = read_checkpoint_file(source)
    found = recognise(file)
    if not found.has_head:
        raise ModelError(
            f"{source} holds the backbone {found.architecture.backbone} without a decode head",
            hint="it can start a training: give it as model.backbone.pretrained_backbone_path",
        )
    return file, found


def _normalisation(file: "CheckpointFile", producer: str) -> tuple[Triple, Triple, str]:
    """Mean, std, and where they are from."""
    if file.mean is not None and file.std is not None:
        return file.mean, file.std, "as the file says"
    name = "-1 to 1" if producer.startswith(TAO_LIGHTNING) else "ImageNet"
    return *NORMALISATIONS[name], f"{name}: usual for {producer}; the file does not say"


def _checkpoint_facts(source: str) -> SourceFacts:
    file, found = _read(source)
    palette, problem = _suggested(found.architecture.classes, file.classes)
    mean, std, reason = _normalisation(file, found.producer)
    height, width = file.size or (0, 0)
    notes = found.notes
    if file.size:
        notes += (f"images are stretched to {width} x {height}, as they were by {found.producer}",)
    return SourceFacts(
        source, "checkpoint", found.producer, _network(found.architecture), found.architecture.classes,
        file.classes, palette, problem, mean, std, reason, height, width, SHORT_SIDE, model_name(source),
        notes,
    )  # fmt: skip


def _network(architecture: "Architecture") -> str:
    head = "mmsegmentation's head" if architecture.head == "mmseg" else "head"
    return f"{architecture.backbone}, {head} of {architecture.embed_dim}"


def _import_checkpoint(source: str, choices: ImportChoices, context: JobContext) -> Imported:
    from segstudio.deploy.export import export_network
    from segstudio.networks.segformer import SegFormer
    from segstudio.networks.weights import load_tensors, shortened

    file, found = _read(source)
    name = choices.name or model_name(source)
    out = free_folder(name)
    architecture = found.architecture
    palette, own = palette_of_file(choices.palette, architecture.classes, file.classes, file.palette, name)
    if choices.nvlabs_positions:
        architecture = dataclasses.replace(architecture, paired_waves=False)
    context.progress(1, 3, f"building {architecture.backbone}")
    network = SegFormer(architecture)
    report = load_tensors(network, found.tensors, source)
    if report.missing:
        raise ModelError(
            f"{source} has {len(report.matched)} of the network's tensors and lacks"
            f" {len(report.missing)}: {shortened(report.missing)}",
            hint="give the complete checkpoint",
        )
    mean, std, _ = _normalisation(file, found.producer)
    spec = ModelSpec(
        name=name,
        architecture=architecture.backbone,
        classes=palette.names,
        palette=palette.name,
        files={},
        resize=_resize(file, choices),
        mean=choices.mean or mean,
        std=choices.std or std,
        licence=choices.licence,
        notes=f"imported from {Path(source).name}, made by {found.producer}",
    )
    context.progress(2, 3, "exporting and proving that the answers are equal")
    made = export_network(network, spec, out)
    keep_palette(own, made.spec, out)
    return _imported(out, made.spec, found.producer, report, found.notes, made.parity)


def _resize(file: "CheckpointFile", choices: ImportChoices) -> ResizeRule:
    """What the user chose; else the size that the weights were made for; else a shorter side."""
    if choices.short_side:
        return ResizeRule("short_side", choices.short_side)
    size = choices.size or file.size
    return ResizeRule("stretch", *size) if size else ResizeRule("short_side", SHORT_SIDE)


# -- both -------------------------------------------------------------------------------------------------


def _suggested(classes: int, names: Sequence[str]) -> tuple[str, str]:
    """A palette's name, or the reason why the user must choose; both "" where one will be made."""
    try:
        palette = choose_palette("", classes, names)
    except PaletteError as error:
        return "", str(error)
    return (palette.name if palette else ""), ""


def _imported(
    folder: Path,
    spec: ModelSpec,
    producer: str,
    report: "LoadReport | None",
    notes: Sequence[str],
    parity: "Sequence[ParityReport]",
) -> Imported:
    return Imported(
        name=spec.name,
        folder=str(folder),
        producer=producer,
        network=spec.architecture,
        palette=spec.palette,
        matched=len(report.matched) if report else 0,
        missing=report.missing if report else (),
        unexpected=report.unexpected if report else (),
        notes=tuple(notes),
        parity={entry.backend: entry.agreement for entry in parity},
    )
