"""Exports the weights that a spec names: TAO's ONNX file, and beside it a model that segstudio runs."""

import dataclasses
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.images import atomic_write
from segstudio.inference.spec import ModelSpec, ResizeRule
from segstudio.inference.spec import load_spec as load_model_spec
from segstudio.jobs import JobContext
from segstudio.training.spec.derived import resize_rule, task_folder
from segstudio.training.spec.load import spec_yaml
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.spec.studio import StudioSpec
from segstudio.workflows.model_import import model_name
from segstudio.workflows.model_palette import keep_palette, palette_of_run
from segstudio.workflows.spec_export_plan import (
    WEIGHTS_KEY,
    onnx_target,
    require_free,
    require_same_model,
    settled_form,
    tao_form,
)

if TYPE_CHECKING:
    from segstudio.deploy.nvinfer import Network
    from segstudio.deploy.parity import ParityReport
    from segstudio.deploy.tao_graph import TaoForm, TaoGraph
    from segstudio.training.loading import Loaded

TASK = "export"
SPEC_FILE = "experiment.yaml"


@dataclass(frozen=True)
class SpecExport:
    """What an export left.

    Attributes:
        onnx_file: TAO's file.
        checkpoint: the weights.
        output: logits, argmax or argmax-last.
        channels, height, width: of the input.
        batch: 0 is any.
        opset: of the operators.
        error: largest difference of a logit from the deployment graph's, relative to the largest.
        agreement: share of ids that equal the deployment graph's.
        notes: what else the user should know.
        model_folder: the model beside it; "" if none was wanted.
        settings: files for DeepStream.
        parity: for each backend, the share of ids of the model folder that equal the network's.
    """

    onnx_file: str
    checkpoint: str
    output: str
    channels: int
    height: int
    width: int
    batch: int
    opset: int
    error: float
    agreement: float
    notes: tuple[str, ...]
    model_folder: str = ""
    settings: tuple[str, ...] = ()
    parity: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return dataclasses.asdict(self)

    def lines(self) -> tuple[str, ...]:
        """The same for people; the notes are left to the caller."""
        sides = " x ".join(
            str(side or "any") for side in (self.batch, self.channels, self.height, self.width)
        )
        found = [
            f"{self.onnx_file}: {self.output}, input {sides},"
            f" opset {self.opset}; {self.agreement:.2%} of the ids are those of the network",
        ]
        if self.model_folder:
            proof = ", ".join(f"{name} {share:.2%}" for name, share in self.parity.items())
            found.append(f"{self.model_folder}: the model for segstudio predict --model ({proof})")
        if self.settings:
            found.append(f"for DeepStream: {', '.join(self.settings)}")
        return tuple(found)


def export_spec(
    spec: ExperimentSpec, context: JobContext | None = None, notes: Sequence[str] = ()
) -> SpecExport:
    """Exports export.checkpoint to export.onnx_file, proved against the network; imports torch.

    Also writes a model folder named like the file unless studio.export.model_folder is false, DeepStream's
    settings if export.serialize_nvdsinfer is true, and status.json and experiment.yaml in the task's folder.

    Args:
        spec: which weights, and what the file shall be like.
        context: progress and cancellation.
        notes: of the spec's loader, to be passed on.

    Raises:
        SpecError: studio.export.output has no such form.
        InputError: the ONNX file or the model's folder is there already, and made of other weights.
        ModelError: the checkpoint cannot be used, or an exported graph answers otherwise.
        Cancelled: the job was cancelled; nothing is left.
    """
    from segstudio.training.status import task_status

    context = context or JobContext()
    folder = task_folder(spec, TASK)
    with task_status(folder, "SegFormer export"):
        done = _exported(spec, context, folder, notes)
        atomic_write(folder / SPEC_FILE, spec_yaml(spec).encode())
    return done


def _exported(spec: ExperimentSpec, context: JobContext, folder: Path, notes: Sequence[str]) -> SpecExport:
    from segstudio.training.loading import load_network

    form, form_notes = tao_form(spec)
    context.progress(0, 3, "reading the weights")
    loaded = load_network(spec, TASK)
    target = onnx_target(spec, folder)
    model_folder = target.with_suffix("") if spec.studio.export.model_folder else None
    digest = loaded.digest()
    require_free(target, model_folder, digest)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as scratch:
        made = _Staged(Path(scratch), target, digest)
        context.check()
        context.progress(1, 3, "exporting the network and proving that backends answer alike")
        model, parity = made.make_model(spec, loaded, form)
        if model_folder is not None:
            require_same_model(model_folder, made.model)
        context.check()
        context.progress(2, 3, "making TAO's graph and proving that it answers alike")
        form, grey_notes = settled_form(form, model)
        graph = made.make_onnx(model, form)
        settings, nvinfer_notes = made.make_settings(spec, model, form)
        context.check()
        made.put(model_folder)
    more = (*form_notes, *grey_notes, *nvinfer_notes, *graph_notes(spec, graph))
    done = _result(target, form, graph, loaded.source, (*notes, *loaded.notes, *more))
    return dataclasses.replace(
        done,
        model_folder=str(model_folder) if model_folder else "",
        settings=tuple(str(target.parent / name) for name in settings),
        parity={entry.backend: entry.agreement for entry in parity},
    )


def _result(
    target: Path, form: "TaoForm", graph: "TaoGraph", checkpoint: str, notes: tuple[str, ...]
) -> SpecExport:
    """What there is to say of TAO's file."""
    assert form.size is not None
    return SpecExport(
        onnx_file=str(target),
        checkpoint=checkpoint,
        output=form.output,
        channels=form.channels,
        height=form.size[0],
        width=form.size[1],
        batch=form.batch,
        opset=form.opset,
        error=graph.error,
        agreement=graph.agreement,
        notes=notes,
    )


def model_spec(spec: ExperimentSpec, loaded: "Loaded", form: "TaoForm", name: str) -> ModelSpec:
    """The model as the spec sees images; where that stretches them, to the size of TAO's file."""
    rule = resize_rule(spec)
    if rule.mode == "stretch" and form.size:
        rule = ResizeRule("stretch", *form.size)
    return ModelSpec(
        name=name,
        architecture=loaded.network.architecture.backbone,
        classes=loaded.palette.names,
        palette=loaded.palette.name,
        files={},
        resize=rule,
        mean=loaded.mean,
        std=loaded.std,
        notes=f"exported from {Path(loaded.source).name}",
    )


# -- what is made -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Staged:
    """Files on their way: nothing of them is seen before all of them are proved.

    Attributes:
        folder: where they are made.
        target: where TAO's file is to be.
        digest: hash of the weights.
    """

    folder: Path
    target: Path
    digest: str

    @property
    def model(self) -> Path:
        """The folder of the model."""
        return self.folder / "model"

    def make_model(
        self, spec: ExperimentSpec, loaded: "Loaded", form: "TaoForm"
    ) -> "tuple[ModelSpec, Sequence[ParityReport]]":
        """The model folder, with its own palette if it has one."""
        from segstudio.deploy.export import export_network

        usual = StudioSpec().name
        stem = model_name(str(self.target.with_suffix("")))
        name = stem if spec.studio.name == usual else model_name(spec.studio.name)
        palette, own = palette_of_run(loaded.palette, name)
        wanted = dataclasses.replace(model_spec(spec, loaded, form, name), palette=palette.name)
        made = export_network(loaded.network, wanted, self.model)
        keep_palette(own, made.spec, self.model)
        return load_model_spec(self.model), made.parity

    def make_onnx(self, model: ModelSpec, form: "TaoForm", name: str = "") -> "TaoGraph":
        """TAO's file."""
        from segstudio.deploy.tao_graph import write_tao

        target = self.folder / (name or self.target.name)
        return write_tao(self.model, model, target, form, props={WEIGHTS_KEY: self.digest})

    def make_settings(
        self, spec: ExperimentSpec, model: ModelSpec, form: "TaoForm"
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """DeepStream's settings and what they need, if they are wanted; (their names, notes)."""
        from segstudio.deploy.deepstream import notes_of
        from segstudio.deploy.nvinfer import scale_is_exact, write_settings
        from segstudio.deploy.onnx_graph import EXTERNAL

        if not spec.export.serialize_nvdsinfer:
            return (), ()
        name, extra, notes = self.target.name, list[str](), list[str]()
        # A second file of more than 2 GB would take the place of the first one's weights.
        if not form.normalise_inside and not scale_is_exact(model) and not (self.folder / EXTERNAL).is_file():
            name = f"{self.target.stem}_deepstream.onnx"
            form = dataclasses.replace(form, normalise_inside=True)
            self.make_onnx(model, form, name)
            extra = [name]
            notes.append(
                f"nvinfer has one scale for three stds: its settings name {name}, which has them inside"
            )
        network = nvinfer_network(model, form, name)
        return (*write_settings(network, self.folder), *extra), (*notes, *notes_of(network))

    def put(self, model_folder: Path | None) -> None:
        """Moves everything to its place, beside TAO's file and, if it is wanted, into the model's folder."""
        from segstudio.deploy.model_folder import move_into_place

        if model_folder is not None:
            move_into_place(self.model, model_folder)
        shutil.rmtree(self.model)
        move_into_place(self.folder, self.target.parent)


def nvinfer_network(model: ModelSpec, form: "TaoForm", onnx_file: str) -> "Network":
    """What nvinfer has to know of TAO's file."""
    from segstudio.deploy.nvinfer import Network

    assert form.size is not None
    return Network(
        model,
        onnx_file,
        "nvdsinfer" if form.output == "logits" else "argmax",
        form.size,
        max(1, form.batch),
        "inside" if form.normalise_inside else "config",
        channels=form.channels,
    )


def graph_notes(spec: ExperimentSpec, graph: "TaoGraph") -> tuple[str, ...]:
    """With export.verbose, what the graph consists of."""
    if not spec.export.verbose:
        return ()
    counts: dict[str, int] = {}
    for node in graph.model.graph.node:
        counts[node.op_type] = counts.get(node.op_type, 0) + 1
    shown = ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda one: -one[1]))
    return (f"the graph has {sum(counts.values())} nodes: {shown}",)
