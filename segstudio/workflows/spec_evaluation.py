"""Evaluates the network that a spec names on its test split, and leaves a report, counts and pictures."""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.annotation.palette import Palette
from segstudio.errors import SpecError
from segstudio.images import atomic_write, write_image
from segstudio.jobs import JobContext
from segstudio.training.spec.derived import task_folder
from segstudio.training.spec.load import spec_yaml
from segstudio.training.spec.schema import CheckpointTask, ExperimentSpec
from segstudio.workflows.evaluate import class_lookup
from segstudio.workflows.evaluation_result import EvaluateResult, made_result
from segstudio.workflows.pictures import side_by_side
from segstudio.workflows.scoring import Answer, Corruption, Pair, Pixels, Scorer, Share
from segstudio.workflows.shares import in_shares
from segstudio.workflows.spec_task import Entry, check_engine, list_entries, open_segmenter, processes

if TYPE_CHECKING:
    from segstudio.training.data.split import Split
    from segstudio.training.loading import Loaded

TASK = "evaluate"
REPORT_FILE, COUNTS_FILE, SPEC_FILE = "results.json", "evaluation.npz", "experiment.yaml"
PICTURES = "pictures"


def evaluate_spec(
    spec: ExperimentSpec,
    context: JobContext | None = None,
    *,
    notes: Sequence[str] = (),
    corruptions: Sequence[Corruption] = (),
) -> EvaluateResult:
    """Scores evaluate.checkpoint on the spec's test split as studio.evaluation says; imports torch.

    Writes into the folder of the task: results.json (the whole report), evaluation.npz (the counts of every
    image), status.json, experiment.yaml, and pictures/ (image, truth, prediction) of every
    evaluate.vis_after_n_batches-th batch.

    Args:
        spec: which images, which network, and how it looks at them.
        context: progress and cancellation.
        notes: of the spec's loader, to be passed on.
        corruptions: kinds and severities with which every image is scored again.

    Raises:
        SpecError: no images with masks, or keys that cannot be served.
        ModelError: the checkpoint cannot be used.
        Cancelled: the job was cancelled; nothing is written but pictures.
    """
    from segstudio.training.status import task_status

    context = context or JobContext()
    folder = task_folder(spec, TASK)
    with task_status(folder, "SegFormer evaluation") as status:
        # Pictures of another network would pass for this one's.
        shutil.rmtree(folder / PICTURES, ignore_errors=True)
        result = measured(spec, context, folder, (*notes, *check_engine(spec, TASK)), corruptions)
        write_report(result, spec, folder)
        status.metrics("Test metrics generated.", tao_scores(result.to_json()))
    return result


def measured(
    spec: ExperimentSpec,
    context: JobContext,
    folder: Path,
    notes: Sequence[str],
    corruptions: Sequence[Corruption],
) -> EvaluateResult:
    """The scores of all processes together."""
    from segstudio.training.data.split import open_split
    from segstudio.training.loading import load_network

    ranks = processes(spec, TASK)
    loaded = load_network(spec, TASK)
    split = open_split(spec, "test", context)
    unlabelled = [str(path) for path in split.orphans_images]
    unlabelled += [str(entry.path) for entry in list_entries(split) if not entry.source.labelled]
    if not labelled_pairs(split, spec):
        raise SpecError(
            f"none of the {len(unlabelled)} test images has a mask",
            hint="name masks in studio.test, or predict them: segstudio inference -e SPEC",
        )
    began = time.perf_counter()
    shares = in_shares(
        lambda: score_share(spec, loaded, split, corruptions, 0, ranks, context),
        partial(score_other_share, spec, tuple(corruptions), ranks),
        ranks,
        context,
    )
    return made_result(
        shares,
        scorer_of(spec, split),
        model=loaded.source,
        protocol=protocol_of(spec),
        seconds=time.perf_counter() - began,
        orphans=[*unlabelled, *map(str, split.orphans_masks)],
        skipped=[(str(path), reason) for path, reason in split.skipped],
        notes=(*notes, *loaded.notes, *split.notes),
        bootstrap=spec.studio.evaluation.bootstrap,
        folder=str(folder),
    )


def score_other_share(
    spec: ExperimentSpec, corruptions: Sequence[Corruption], ranks: int, rank: int, context: JobContext
) -> Share:
    """The share of a process of its own, which opens everything itself."""
    from segstudio.training.data.split import open_split
    from segstudio.training.loading import load_network

    split = open_split(spec, "test", context)
    return score_share(spec, load_network(spec, TASK), split, corruptions, rank, ranks, context)


def score_share(
    spec: ExperimentSpec,
    loaded: "Loaded",
    split: "Split",
    corruptions: Sequence[Corruption],
    rank: int,
    ranks: int,
    context: JobContext,
) -> Share:
    """Scores every `ranks`-th image of the split."""
    from segstudio.training.segment import scored_size

    segmenter = open_segmenter(spec, TASK, loaded, rank, ranks)
    lookup, size = class_lookup(loaded.palette, split.palette), scored_size(spec)
    return scorer_of(spec, split, corruptions).score(
        labelled_pairs(split, spec), lambda image: lookup[segmenter.ids(image, size)], context, rank, ranks
    )


def scorer_of(spec: ExperimentSpec, split: "Split", corruptions: Sequence[Corruption] = ()) -> Scorer:
    """How the images of a split are scored, and which pictures of them are kept."""
    pictures = Pictures(task_folder(spec, TASK) / PICTURES, split.palette)
    return Scorer(
        split.palette,
        spec.studio.evaluation.boundary_share,
        tuple(corruptions),
        is_shown=partial(is_shown, spec.evaluate),
        show=pictures.write,
    )


def is_shown(section: CheckpointTask, position: int) -> bool:
    """Whether an image's picture is kept: those of every vis_after_n_batches-th batch are, as in TAO."""
    every = section.vis_after_n_batches
    return every > 0 and position // max(1, section.batch_size) % every == 0


def labelled_pairs(split: "Split", spec: ExperimentSpec) -> list[Pair]:
    """The samples with masks, at the size at which they are compared."""
    return [
        Pair(
            entry.name,
            str(entry.path),
            partial(load_entry, entry, spec),
            entry.source.paths(entry.number)[1],
        )
        for entry in list_entries(split)
        if entry.source.labelled
    ]


def load_entry(entry: Entry, spec: ExperimentSpec) -> tuple[Pixels, Pixels]:
    """An image at its own size and its mask at the size at which it is compared.

    Raises:
        ImageError, MaskError: the files are gone or damaged.
    """
    from segstudio.training.segment import nearest, scored_size

    image, truth = entry.source.load(entry.number)
    size = scored_size(spec)
    return image, nearest(truth, size) if size else truth


@dataclass(frozen=True)
class Pictures:
    """Writes image, truth and prediction side by side, in the colours of a palette."""

    folder: Path
    palette: Palette

    def write(self, answer: Answer) -> None:
        """One picture."""
        colours = self.palette.colours()
        picture = side_by_side(answer.image, colours[answer.truth], colours[answer.predicted])
        write_image(self.folder / f"{answer.name}.png", picture)


def protocol_of(spec: ExperimentSpec) -> dict[str, object]:
    """How images are brought to the network and compared, with the keys of every evaluation."""
    from segstudio.training.segment import scoring_rule

    evaluation, rule = spec.studio.evaluation, scoring_rule(spec)
    cut = evaluation.window == "slide"
    return {
        "protocol": evaluation.protocol,
        "resize": {"mode": rule.mode, "size": rule.size, "width": rule.width},
        "window": evaluation.window,
        "window_size": evaluation.window_size if cut else None,
        "stride": evaluation.stride if cut else None,
        "flip": evaluation.flip,
        "scales": list(evaluation.scales),
    }


def write_report(result: EvaluateResult, spec: ExperimentSpec, folder: Path) -> None:
    """The whole report, the counts of every image, and the effective spec."""
    text = json.dumps(result.to_json(), indent=1, ensure_ascii=False)
    atomic_write(folder / REPORT_FILE, text.encode())
    result.evaluation.save(folder / COUNTS_FILE)
    atomic_write(folder / SPEC_FILE, spec_yaml(spec).encode())


def tao_scores(values: Mapping[str, Any]) -> dict[str, float]:
    """A report's means by TAO's names, which know no absent ones."""
    names = {"acc": "aacc", "miou": "miou", "mf1": "mf1", "mprecision": "mprecision", "mrecall": "mrecall"}
    return {f"test_{name}": values[key] for name, key in names.items() if values[key] is not None}
