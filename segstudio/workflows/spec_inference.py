"""Predicts the images that a spec names, at their own size, with the network that it names."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.annotation.palette_choice import save_palette
from segstudio.errors import InputError, SpecError
from segstudio.images import atomic_write, mask_bytes, write_image, write_mask
from segstudio.inference.prediction import Prediction
from segstudio.jobs import JobContext
from segstudio.training.spec.derived import task_folder
from segstudio.training.spec.load import spec_yaml
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.workflows.inputs import Source
from segstudio.workflows.model_palette import PALETTE_FILE
from segstudio.workflows.overlay_video import blended
from segstudio.workflows.pictures import side_by_side
from segstudio.workflows.pipeline import Skipped, Stopwatch, run_pipeline
from segstudio.workflows.predict import (
    GREY,
    MANIFEST,
    PICTURES,
    PredictResult,
    is_finished,
    is_same_manifest,
)
from segstudio.workflows.shares import in_shares
from segstudio.workflows.spec_task import check_engine, list_entries, open_segmenter, processes

if TYPE_CHECKING:
    from segstudio.training.loading import Loaded

TASK = "inference"
CLASSES_FILE, SUMMARY_FILE, SPEC_FILE = "classes.json", "results.json", "experiment.yaml"


@dataclass(frozen=True)
class InferenceResult:
    """The outcome of a prediction, and lines for the user."""

    predicted: PredictResult
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The keys of `predict`, and the notes."""
        values = asdict(self.predicted)
        return {**values, "skipped": list(values["skipped"]), "notes": list(self.notes)}


@dataclass
class Share:
    """What one process has predicted."""

    images: int = 0
    resumed: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    watch: Stopwatch = field(default_factory=Stopwatch)
    device: str = ""


@dataclass(frozen=True)
class Outputs:
    """Where the pictures of an image go, below the folder of the task.

    ids/NAME.png holds class ids, color/NAME.png the palette's colours, overlay/NAME.jpg the mean of image and
    colours, confidence/NAME.png the probability of the answer times 255; all are of the image's own size.

    With TAO's names there are, besides: <image file> in colours and combined_visualisation/<image file>
    (image, black bar, colours), as TAO 6 and 7 write them; mask_tao/NAME.png (class ids) and vis_tao/NAME.jpg
    (overlay), as TAO 4 and 5 write them, whose documentation has the two the wrong way round. TAO writes them
    at the network's size, and TAO 6 and 7 only for every inference.vis_after_n_batches-th batch.
    """

    folder: Path
    save: tuple[str, ...]
    tao_names: bool

    def paths(self, source: Source) -> dict[str, Path]:
        """The files of one image, by what is in them."""
        found = {
            kind: self.folder / kind / f"{source.name}{'.jpg' if kind == 'overlay' else '.png'}"
            for kind in self.save
        }
        if self.tao_names:
            file = Path(source.name).parent / source.path.name
            found |= {
                "tao color": self.folder / file,
                "tao pair": self.folder / "combined_visualisation" / file,
                "tao ids": self.folder / "mask_tao" / f"{source.name}.png",
                "tao overlay": self.folder / "vis_tao" / f"{source.name}.jpg",
            }
        return found

    def writer(self, palette: Palette) -> Callable[[Source, NDArray[np.uint8], Prediction], None]:
        """What writes the files of one image."""
        table = palette.colours()

        def write(source: Source, image: NDArray[np.uint8], prediction: Prediction) -> None:
            colours = table[prediction.ids]
            for kind, path in self.paths(source).items():
                content = kind.rpartition(" ")[2]
                if content == "ids":
                    write_mask(path, prediction.ids, table)
                elif content == "confidence":
                    atomic_write(path, mask_bytes(prediction.confidence, GREY))
                else:
                    write_image(path, shown(content, image, colours))

        return write


def shown(content: str, image: NDArray[np.uint8], colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture of a prediction: color, overlay or pair."""
    if content == "pair":
        return side_by_side(image, colours)
    return blended(image, colours) if content == "overlay" else colours


def infer(
    spec: ExperimentSpec, context: JobContext | None = None, *, notes: Sequence[str] = ()
) -> InferenceResult:
    """Predicts the spec's predict split with inference.checkpoint; imports torch.

    Finished outputs of the same network and settings are kept, so that a stopped prediction goes on. Writes
    the pictures that `Outputs` names, classes.json, palette.yaml, experiment.yaml, results.json, status.json.

    Args:
        spec: which images, which network, and how it looks at them.
        context: progress and cancellation.
        notes: of the spec's loader, to be passed on.

    Raises:
        SpecError: no images, or keys that cannot be served.
        ModelError: the checkpoint cannot be used.
        InputError: an output would overwrite an image.
        Cancelled: the job was cancelled; what is finished is kept.
    """
    from segstudio.training.status import task_status

    context = context or JobContext()
    with task_status(task_folder(spec, TASK), "SegFormer inference"):
        return inferred(spec, context, (*notes, *check_engine(spec, TASK)))


def inferred(spec: ExperimentSpec, context: JobContext, notes: Sequence[str]) -> InferenceResult:
    """The predictions of all processes together."""
    from segstudio.training.loading import load_network

    ranks = processes(spec, TASK)
    loaded = load_network(spec, TASK)
    sources, unusable = list_split(spec, context)
    outputs = outputs_of(spec)
    refuse_overwriting(sources, outputs)
    identity = identity_of(spec, loaded)
    same = is_same_manifest(outputs.folder, identity)
    write_facts(spec, outputs.folder, loaded.palette, identity)
    began = time.perf_counter()
    shares = in_shares(
        lambda: predict_share(spec, loaded, sources[::ranks], same, 0, ranks, context),
        partial(predict_other_share, spec, same, ranks),
        ranks,
        context,
    )
    predicted = joined(shares, unusable, time.perf_counter() - began, outputs.folder)
    result = InferenceResult(predicted, (*notes, *loaded.notes))
    text = json.dumps(result.to_json(), indent=1, ensure_ascii=False)
    atomic_write(outputs.folder / SUMMARY_FILE, text.encode())
    return result


def list_split(spec: ExperimentSpec, context: JobContext) -> tuple[list[Source], list[Skipped]]:
    """The images of the predict split under names of their own, and those that cannot be read.

    Raises:
        SpecError: there are none.
    """
    from segstudio.training.data.split import open_split

    split = open_split(spec, "predict", context)
    sources = [
        Source(entry.name, entry.path, partial(entry.source.load_image, entry.number))
        for entry in list_entries(split)
    ]
    return sources, [Skipped(str(path), reason) for path, reason in split.skipped]


def outputs_of(spec: ExperimentSpec) -> Outputs:
    """The outputs that a spec asks for.

    Raises:
        SpecError: there is no such output.
    """
    wanted = spec.studio.inference
    for kind in wanted.save:
        if kind not in PICTURES:
            raise SpecError(f"studio.inference.save has {kind!r}", hint=f"use: {', '.join(PICTURES)}")
    return Outputs(task_folder(spec, TASK), wanted.save, wanted.tao_names)


def refuse_overwriting(sources: Sequence[Source], outputs: Outputs) -> None:
    """Protects the images.

    Raises:
        InputError: an output would take the place of one.
    """
    originals = {source.path.resolve() for source in sources}
    for source in sources:
        for path in outputs.paths(source).values():
            if path.resolve() in originals:
                raise InputError(
                    f"a prediction would overwrite {path}", hint="choose another inference.results_dir"
                )


def identity_of(spec: ExperimentSpec, loaded: "Loaded") -> dict[str, object]:
    """What decides the predictions: as long as it is the same, finished ones are kept."""
    values = {
        "weights": loaded.digest(),
        "evaluation": asdict(spec.studio.evaluation),
        "img_size": spec.dataset.segment.img_size,
        "augmentation": spec.studio.augmentation.kind,
        "grayscale": spec.studio.data.grayscale,
        "mean": loaded.mean,
        "std": loaded.std,
        "colours": [entry.rgb for entry in loaded.palette.classes],
    }
    # As it is read back: JSON has no tuples.
    plain: dict[str, object] = json.loads(json.dumps(values))
    return plain


def write_facts(spec: ExperimentSpec, folder: Path, palette: Palette, identity: dict[str, object]) -> None:
    """Says beside the pictures what their ids and colours mean, and how they came about."""
    classes = [{"id": entry.id, "name": entry.name, "rgb": list(entry.rgb)} for entry in palette.classes]
    atomic_write(folder / CLASSES_FILE, json.dumps(classes, indent=1, ensure_ascii=False).encode())
    save_palette(palette, folder / PALETTE_FILE)
    atomic_write(folder / SPEC_FILE, spec_yaml(spec).encode())
    atomic_write(folder / MANIFEST, json.dumps(identity, indent=2).encode())


def predict_other_share(
    spec: ExperimentSpec, same: bool, ranks: int, rank: int, context: JobContext
) -> Share:
    """The share of a process of its own, which opens everything itself."""
    from segstudio.training.loading import load_network

    sources, _ = list_split(spec, context)
    return predict_share(spec, load_network(spec, TASK), sources[rank::ranks], same, rank, ranks, context)


def predict_share(
    spec: ExperimentSpec,
    loaded: "Loaded",
    sources: Sequence[Source],
    same: bool,
    rank: int,
    ranks: int,
    context: JobContext,
) -> Share:
    """Predicts some of the images; with `same`, finished outputs are kept."""
    outputs, share = outputs_of(spec), Share()
    todo = [
        source
        for source in sources
        if not (same and is_finished(source, list(outputs.paths(source).values())))
    ]
    share.resumed = len(sources) - len(todo)
    if todo:
        segmenter = open_segmenter(spec, TASK, loaded, rank, ranks)
        share.device = str(segmenter.device)
        write = outputs.writer(loaded.palette)
        share.images, share.skipped = run_pipeline(todo, segmenter.predict, write, share.watch, context)
    return share


def joined(
    shares: Sequence[Share], unusable: Sequence[Skipped], seconds: float, folder: Path
) -> PredictResult:
    """The shares of all processes as one result."""
    watch = Stopwatch()
    for share in shares:
        watch.join(share.watch)
    images = sum(share.images for share in shares)
    return PredictResult(
        images=images,
        resumed=sum(share.resumed for share in shares),
        seconds=round(seconds, 4) if images else 0.0,
        fps=round(images / seconds, 3) if images else 0.0,
        latency_ms=watch.latency_ms(),
        stages=watch.totals(),
        skipped=(*unusable, *(entry for share in shares for entry in share.skipped)),
        backend="torch",
        device=", ".join(dict.fromkeys(share.device for share in shares if share.device)),
        out=str(folder),
    )
