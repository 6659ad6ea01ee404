"""Measures what adapting a model to the worst regions of ten frames does to all frames of the val split.

python packaging/benchmarks/adapt.py --frames FOLDER [--json] [--model M] [--palette P] [--draws N]
    [--whole] [--seed N] [--fine-tuning]

FOLDER has images/train, images/val and masks likewise. Each draw takes ten train frames by lot. The model
predicts them, and its error segments are put in the order of what they cost, as the failure table does. A
person who knows the truth goes through the first 120: each is shown with as much around it as it is large
itself and 8 pixels more, is corrected there, and what is shown is confirmed (`confirmed_share` of the
frames). The other pixels are not used; `--whole` accepts the ten frames instead. The adapted model is then
made and proved, and evaluated like any other model on all val frames.

seconds: from the confirmed masks to the refitted classifier, the features of the ten images included.
miou_before, miou_after and by_class are of the first draw, worst_class_change in points of IoU likewise;
`draws` has all of them.

`--fine-tuning` also trains all layers of the model, by what `segstudio retrain` would do on a CPU, with the
same confirmed pixels of the first draw: for as long as the adaptation took, and for a minute. Only the time
of its steps counts, not that of starting. It has the model's weights and classes, and no validation.
"""

import argparse
import json
import math
import os
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import load_palette
from segstudio.images import write_mask
from segstudio.inference.backend import open_backend
from segstudio.inference.predictor import Predictor
from segstudio.jobs import JobContext, cores
from segstudio.metrics.confusion import count_confusion
from segstudio.metrics.segment_cost import segment_costs
from segstudio.metrics.segment_table import SegmentTable
from segstudio.metrics.segments import extract
from segstudio.project.project import Project
from segstudio.training.spec.load import merge, spec_from_dict
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.workflows.adapt.adapter import Adapter
from segstudio.workflows.adapt.confirmed import ConfirmedSample, confirmed_of
from segstudio.workflows.adapt.version import keep
from segstudio.workflows.evaluate import Contest, contest_of, evaluate_folders
from segstudio.workflows.export import export_run
from segstudio.workflows.retrain.choice import MODEL_SIGN, RetrainChoice
from segstudio.workflows.retrain.plan import experiment_values, make_plan
from segstudio.workflows.scoring import Pair

FRAMES, REGIONS, MARGIN, SMALLEST = 10, 120, 8, 4
IGNORE = 255
MINUTE = 60.0
Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class Draw:
    """One choice of frames and what came of it; scores are fractions 0-1."""

    seed: int
    seconds: float
    confirmed_share: float
    strength: float
    miou: float
    classes: dict[str, float]
    warnings: tuple[str, ...]


def drawn_pairs(contest: Contest, seed: int) -> list[Pair]:
    """Ten frames by lot."""
    lots = np.random.default_rng(seed).permutation(len(contest.pairs))[:FRAMES]
    return [contest.pairs[number] for number in sorted(lots)]


def worst_regions(contest: Contest, pairs: list[Pair], predictor: Predictor) -> list[Mask]:
    """The masks of some frames where they are shown with one of the costliest error segments; else 255."""
    palette = contest.palette
    truths, found = [], []
    total = np.zeros((palette.count, palette.count + 1), np.int64)
    for pair in pairs:
        image, truth = pair.load()
        ids = contest.lookup[predictor.predict(image).ids]
        total += count_confusion(truth, ids, palette.count, palette.ignore_id)
        found.append((pair.name, extract(truth, ids, palette.count, smallest=SMALLEST)))
        truths.append(truth)
    table = SegmentTable.of(palette.names, found)
    confirmed = [np.full_like(truth, IGNORE) for truth in truths]
    for row in np.argsort(-segment_costs(table, total), kind="stable")[:REGIONS]:
        x, y, width, height = (int(value) for value in table.rows.box[row])
        across, down = width + MARGIN, height + MARGIN
        shown = (slice(max(0, y - down), y + height + down), slice(max(0, x - across), x + width + across))
        frame = int(table.sample[row])
        confirmed[frame][shown] = truths[frame][shown]
    return confirmed


def confirmed_frames(contest: Contest, seed: int, *, whole: bool) -> list[ConfirmedSample]:
    """What a person confirmed in ten frames."""
    pairs = drawn_pairs(contest, seed)
    if whole:
        masks = [pair.load()[1] for pair in pairs]
    else:
        opened = open_backend(contest.folder, contest.spec, "onnx")
        try:
            masks = worst_regions(contest, pairs, Predictor(opened, contest.spec))
        finally:
            opened.close()
    return [
        confirmed_of(mask, Path(pair.path), pair.name)
        for pair, mask in zip(pairs, masks, strict=True)
        # None of the costliest segments may be in a frame.
        if (mask != IGNORE).any()
    ]


def adapted(options: argparse.Namespace, contest: Contest, seed: int) -> Draw:
    """One draw: adapts, makes the model, evaluates it."""
    samples = confirmed_frames(contest, seed, whole=options.whole)
    adapter = Adapter(options.model, contest.palette)
    began = time.perf_counter()
    adaptation = adapter.adapt_to(samples)
    seconds = time.perf_counter() - began
    made = keep(adaptation, adapter, f"adapted-{seed}")
    miou, classes = evaluated(options, str(made.entry.folder))
    share = sum(one.pixels for one in samples) / sum(one.mask.size for one in samples)
    return Draw(seed, seconds, share, adaptation.refit.strength, miou, classes, adaptation.warnings())


def fine_tuning_spec(
    options: argparse.Namespace, samples: list[ConfirmedSample], folder: Path
) -> ExperimentSpec:
    """What `segstudio retrain --preset cpu` would do with the confirmed pixels; 255 counts for nothing."""
    images, masks = folder / "images" / "train", folder / "masks" / "train"
    images.mkdir(parents=True)
    for one in samples:
        source = Path(one.sample.image).resolve()
        (images / source.name).symlink_to(source)
        write_mask(masks / f"{source.stem}.png", one.mask, load_palette(options.palette).colours())
    project = Project.open(folder, palette=options.palette)
    try:
        choice = RetrainChoice(MODEL_SIGN + options.model, preset="cpu")
        plan = make_plan(project, choice, 0)
        values = experiment_values(project, plan.text, folder)
    finally:
        project.close()
    pairs = {"images": str(images), "masks": str(masks), "palette": options.palette}
    own = {
        "results_dir": str(folder / "run"),
        "train": {"pretrained_model_path": str(plan.start.weights)},
        "studio": {"sources": [pairs], "validation": [], "watch": {"count": 0}, "log_every": 1},
    }
    return spec_from_dict(merge(values, own))


def fine_tuned(
    options: argparse.Namespace, samples: list[ConfirmedSample], seconds: float
) -> tuple[dict[str, object], float, dict[str, float]]:
    """Trains all layers for some seconds: seconds and steps that it took, mIoU, and IoU by class."""
    from segstudio.training.events import read_events
    from segstudio.training.loop import train
    from segstudio.training.pace import measure_tempo

    with tempfile.TemporaryDirectory() as scratch:
        spec = fine_tuning_spec(options, samples, Path(scratch))
        height, width = samples[0].mask.shape
        steps = max(1, math.floor(seconds / measure_tempo(spec, height, width).step))
        spec = replace(spec, studio=replace(spec.studio, max_steps=steps))
        result = train(spec, JobContext())
        times = [event["time"] for event in read_events(result.folder) if event["kind"] in ("start", "step")]
        export_run(Path(spec.results_dir), Path(scratch) / "tuned")
        miou, classes = evaluated(options, str(Path(scratch) / "tuned"))
    return {"seconds": round(times[-1] - times[0], 2), "steps": steps}, miou, classes


def evaluated(options: argparse.Namespace, model: str) -> tuple[float, dict[str, float]]:
    """mIoU and the IoU of every class that occurs, on the val frames."""
    images, masks = (options.frames / kind / "val" for kind in ("images", "masks"))
    values = evaluate_folders(model, images, masks, options.palette, backend="onnx").to_json()
    known = {name: entry["iou"] for name, entry in values["per_class"].items() if entry["iou"] is not None}
    return values["miou"], known


def measured(options: argparse.Namespace) -> dict[str, object]:
    """All figures."""
    images, masks = (options.frames / kind / "train" for kind in ("images", "masks"))
    contest = contest_of(options.model, images, masks, options.palette)
    before, by_class = evaluated(options, options.model)
    draws = [adapted(options, contest, seed) for seed in range(options.seed, options.seed + options.draws)]
    rows = [_row(draw, before, by_class) for draw in draws]
    first = rows[0]
    values: dict[str, object] = {
        "seconds": first["seconds"],
        "miou_before": _points(before),
        "miou_after": first["miou_after"],
        "worst_class_change": first["worst_class_change"],
        "by_class": {
            name: [_points(value), _points(draws[0].classes[name])] for name, value in by_class.items()
        },
        "cores": cores(),
        "draws": rows,
    }
    if options.fine_tuning:
        samples = confirmed_frames(contest, options.seed, whole=options.whole)
        tuned = [fine_tuned(options, samples, seconds) for seconds in (draws[0].seconds, MINUTE)]
        values["fine_tuning"] = [
            {**about, **_change(miou, classes, before, by_class)} for about, miou, classes in tuned
        ]
    return values


def _row(draw: Draw, before: float, by_class: dict[str, float]) -> dict[str, object]:
    return {
        "seed": draw.seed,
        "seconds": round(draw.seconds, 2),
        "confirmed_share": round(draw.confirmed_share, 3),
        "strength": draw.strength,
        **_change(draw.miou, draw.classes, before, by_class),
        "warnings": list(draw.warnings),
    }


def _change(
    miou: float, classes: dict[str, float], before: float, by_class: dict[str, float]
) -> dict[str, object]:
    changes = {name: classes[name] - value for name, value in by_class.items()}
    worst = min(changes, key=lambda name: changes[name])
    return {
        "miou_after": _points(miou),
        "miou_change": _points(miou - before),
        "worst_class": worst,
        "worst_class_change": _points(changes[worst]),
    }


def _points(value: float) -> float:
    return round(100 * value, 2)


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--model", default="street-b0")
    parser.add_argument("--palette", default="camvid-11")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--fine-tuning", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        # The models that it makes are none of the user's.
        os.environ["SEGSTUDIO_HOME"] = home
        values = measured(options)
    if options.json:
        print(json.dumps(values))
        return
    for key, value in values.items():
        print(f"{key}: {value}", file=sys.stdout)


if __name__ == "__main__":
    main()
