"""A project's state as one HTML page: progress, people, classes, the worst errors and open comments."""

import math
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect
from segstudio.errors import InputError
from segstudio.images import atomic_write
from segstudio.jobs import JobContext
from segstudio.metrics.bootstrap import bootstrap_intervals
from segstudio.metrics.confusion import scores
from segstudio.metrics.ledger import lost_iou
from segstudio.metrics.segments import Kind
from segstudio.project.evaluations import ModelEvaluation
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.workflows.labelling import HEAD, Labelling, row_texts, statistics
from segstudio.workflows.page import Figure, Mark, facts, figures, page, paragraph, section, table
from segstudio.workflows.report_crops import CropMaker, Crops, Place
from segstudio.workflows.svg_plots import share_bars

FILE = "report.html"
# More are listed by `segstudio project statistics` and `comments`.
DAYS_SHOWN, COMMENTS_SHOWN = 60, 60
PIN_SIDE = 64
STATUS_ORDER = [status.value for status in SampleStatus]


def write_report(
    project: Project,
    out: Path | None = None,
    model: str = "",
    worst: int = 24,
    context: JobContext | None = None,
) -> Path:
    """Writes the page, in one step, and returns where it is.

    Args:
        project: whose state it is.
        out: the file; None is `report.html` in the project's folder.
        model: an evaluated model; "" is the one that was evaluated last, if any was.
        worst: how many error segments are shown.
        context: progress and cancellation.

    Raises:
        InputError: the model was not evaluated on this project. ImageError: the disk refuses.
    """
    text = report_page(project, model, worst, context or JobContext())
    path = out or project.root / FILE
    atomic_write(path, text.encode())
    return path


def report_page(project: Project, model: str, worst: int, context: JobContext) -> str:
    """The page as text; see `write_report`."""
    chosen = _evaluated(project, model)
    context.progress(0, 0, "reading figures")
    made = f"{datetime.now():%Y-%m-%d %H:%M}"
    parts = [_overview(project, chosen, made), _people(project)]
    crops = CropMaker(project, chosen)
    if chosen:
        evaluation = project.evaluation.load(chosen)
        if evaluation.keys:
            parts += [
                _classes(evaluation, chosen),
                _ledger(evaluation),
                _worst(evaluation, worst, crops, context),
            ]
        else:
            text = f"{chosen} was evaluated before errors were kept: evaluate it again to see them here."
            parts.append(section("Model", paragraph(text)))
    else:
        text = "No model was evaluated on this project yet: evaluate one to see classes and errors."
        parts.append(section("Model", paragraph(text)))
    parts.append(_comments(project, crops, context))
    return page(f"Report on {project.root.name}", parts)


def _evaluated(project: Project, model: str) -> str:
    models = project.evaluation.models()
    names = [entry.model for entry in models]
    if model and model not in names:
        known = ", ".join(names) or "none"
        raise InputError(f"{model} was not evaluated on this project", hint=f"evaluated are: {known}")
    return model or max(models, key=lambda entry: entry.when).model if models or model else ""


def _overview(project: Project, model: str, made: str) -> str:
    info = project.info()
    still_open = len(project.review.comments(open_only=True))
    pairs = [
        ("Made", made),
        ("Samples", f"{info.samples:,}" + (f", {info.missing:,} missing" if info.missing else "")),
        ("Classes", f"{project.palette.count} of {info.palette}"),
        ("Predicted", f"{info.predictions:,}"),
        ("Open comments", f"{still_open:,}"),
        ("Model", model or "none"),
        *(("Warning", warning) for warning in info.warnings),
    ]
    by_status = {
        status.replace("_", " "): float(info.by_status[status])
        for status in STATUS_ORDER
        if info.by_status.get(status)
    }
    done = info.by_status.get(SampleStatus.ACCEPTED.value, 0)
    title = f"{done:,} of {info.samples:,} accepted"
    progress = share_bars(title, {"All samples": by_status}) if by_status else ""
    counts = facts((name, f"{number:,.0f}") for name, number in by_status.items())
    return section("The project", facts(pairs), progress, counts)


def _people(project: Project) -> str:
    found = statistics(project.review.records())
    if not found.people:
        return section("People", paragraph("Nobody has saved, submitted or reviewed a mask yet."))
    numbers = range(1, len(HEAD) + 1)
    people = table(
        ("person", *HEAD), [(one.person, *row_texts(one)) for one in found.people], numbers=numbers
    )
    days = [_day(one) for one in found.days[:DAYS_SHOWN]]
    by_day = table(("day", "person", *HEAD), days, numbers=range(2, len(HEAD) + 2))
    text = (
        "Active is time with input in the last minute. Accepted and rejected are verdicts on a person's"
        " samples, reviewed those that a person gave."
    )
    return section("People", paragraph(text), people, by_day)


def _day(one: Labelling) -> tuple[str, ...]:
    return (one.day, one.person, *row_texts(one))


def _classes(evaluation: ModelEvaluation, model: str) -> str:
    pooled = evaluation.confusion.sum(axis=0)
    found, between = scores(pooled), bootstrap_intervals(evaluation.confusion)
    images = (evaluation.confusion.sum(axis=2) > 0).sum(axis=0)
    regions = np.bincount(evaluation.regions.truth, minlength=len(images))
    order = sorted(range(len(images)), key=lambda number: _worst_first(float(found.iou[number])))
    rows, marks = [], dict[int, Mark]()
    for place, number in enumerate(order):
        iou = float(found.iou[number])
        if math.isnan(iou):
            marks[place] = "muted"
        rows.append(
            (
                evaluation.table.names[number],
                "absent" if math.isnan(iou) else _percent(iou),
                _interval(between.iou[number]),
                _percent(float(found.acc[number])),
                _percent(float(found.precision[number])),
                f"{images[number]:,}",
                f"{regions[number]:,}",
                f"{found.support_pixels[number]:,}",
            )
        )
    head = ("class", "IoU", "95 % of images like these", "Acc", "precision", "images", "regions", "pixels")
    text = (
        f"{model} on {len(evaluation.keys):,} samples with masks: mIoU {_percent(found.miou)}"
        f" ({_interval(between.miou)}), pixels right {_percent(found.aacc)}."
    )
    shown = table(head, rows, numbers=range(1, len(head)), marks=marks)
    return section("Classes, the worst first", paragraph(text), shown)


def _worst_first(iou: float) -> tuple[bool, float]:
    return math.isnan(iou), iou


def _ledger(evaluation: ModelEvaluation) -> str:
    found = lost_iou(evaluation.table.rows.ledger, evaluation.confusion.sum(axis=0))
    present = [number for number in range(len(found.iou)) if not math.isnan(found.iou[number])]
    order = sorted(present, key=lambda number: found.iou[number])
    head = ("class", "IoU", *(_kind(kind) for kind in Kind))
    rows = [
        (
            evaluation.table.names[number],
            _percent(float(found.iou[number])),
            *(_percent(float(part)) for part in found.total[number]),
        )
        for number in order
    ]
    text = "What each kind of error costs a class: the parts and the IoU of a row sum to 100 %."
    return section("Where the IoU goes", paragraph(text), table(head, rows, numbers=range(1, len(head))))


def _worst(evaluation: ModelEvaluation, count: int, maker: CropMaker, context: JobContext) -> str:
    chosen = costliest(evaluation)[:count]
    segments = evaluation.table
    places = [
        Place(segments.samples[segments.sample[number]], Rect(*map(int, segments.rows.box[number])))
        for number in chosen
    ]
    pictures = maker.crops(places, context, "cutting out errors")
    shown = [
        _error(evaluation, int(number), place, crops)
        for number, place, crops in zip(chosen, places, pictures, strict=True)
        if crops is not None
    ]
    text = (
        "The segments that cost their two classes most IoU, thin errors along borders left out. From left to"
        " right: image, truth, prediction where it is stored."
    )
    body = figures(shown) if shown else paragraph("There are none.")
    return section("Worst errors", paragraph(text), body)


def costliest(evaluation: ModelEvaluation) -> NDArray[np.intp]:
    """intp [n]: the error segments by the IoU that they cost the true and the predicted class, most first.

    A segment of A pixels is A of the false negatives of one class and A of the false positives of the other:
    it costs them A / union each, union = TP + FN + FP. Segments within the slack of a border are left out.
    """
    pooled, rows = evaluation.confusion.sum(axis=0), evaluation.table.rows
    union = np.append(pooled.sum(axis=1) + pooled[:, :-1].sum(axis=0) - np.diagonal(pooled), np.inf)
    per_pixel = 1 / np.maximum(union, 1)
    costs = rows.area * (per_pixel[rows.truth] + per_pixel[rows.predicted])
    order: NDArray[np.intp] = np.argsort(-costs, kind="stable")
    thick: NDArray[np.intp] = order[rows.kind[order] != Kind.EDGE_SLACK]
    return thick


def _error(evaluation: ModelEvaluation, number: int, place: Place, crops: Crops) -> Figure:
    row = evaluation.table.row(number)
    pictures = [(crops.image, f"{place.key}, image"), (crops.truth, "truth"), (crops.predicted, "prediction")]
    kind = _kind(Kind(int(evaluation.table.rows.kind[number])))
    sure = f", {100 * row['conf']:.0f} % sure" if isinstance(row["conf"], float) else ""
    return Figure(
        tuple((content, words) for content, words in pictures if content),
        f"{row['gt']} as {row['pred']}: {kind}, {row['area']:,} px{sure}",
        f"{place.key} at {row['x']:.0f}, {row['y']:.0f}",
    )


def _comments(project: Project, maker: CropMaker, context: JobContext) -> str:
    found = project.review.comments(open_only=True)
    names = {entry.id: entry.name for entry in project.palette.classes}
    shown = found[:COMMENTS_SHOWN]
    places = []
    for comment in shown:
        pin = Rect(round(comment.x) - PIN_SIDE // 2, round(comment.y) - PIN_SIDE // 2, PIN_SIDE, PIN_SIDE)
        places.append(Place(comment.key, pin if comment.has_pin else None))
    pictures = maker.crops(places, context, "cutting out comments")
    entries = []
    for comment, crops in zip(shown, pictures, strict=True):
        told = [(crops.image, f"{comment.key}, image"), (crops.truth, "mask")] if crops else []
        about = f" on {names[comment.class_id]}" if comment.class_id in names else ""
        when = f"{datetime.fromtimestamp(comment.when):%Y-%m-%d %H:%M}"
        remark = f"{comment.key}: {comment.author}{about}, {when}"
        entries.append(Figure(tuple((part, words) for part, words in told if part), comment.text, remark))
    if not entries:
        return section("Open comments", paragraph("There are none."))
    more = len(found) - len(shown)
    after = [paragraph(f"{more:,} more: segstudio project comments --open lists them.")] if more else []
    return section("Open comments", figures(entries), *after)


def _kind(kind: Kind) -> str:
    return kind.name.lower().replace("_", " ")


def _percent(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1%}"


def _interval(ends: NDArray[np.float64]) -> str:
    low, high = map(float, ends)
    return "" if math.isnan(low) else f"{100 * low:.0f}–{100 * high:.0f}"
