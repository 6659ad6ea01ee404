"""An error segment in words."""

import math

import numpy as np

from segstudio.metrics.segments import Kind
from segstudio.metrics.training_support import training_support
from segstudio.project.verdicts import Destination, Verdict
from segstudio.workflows.failure_table import NONE, FailureTable

KIND_TEXT = {
    Kind.EDGE_SLACK: "edge slack",
    Kind.TAKEN_OVER: "taken over",
    Kind.MISSED: "missed",
    Kind.INVENTED: "invented",
    Kind.SPLIT: "split",
    Kind.MERGED: "merged",
    Kind.LEAK: "leak",
}
# What each kind says of a segment; {gt} and {pred} are its classes.
KIND_MEANING = {
    Kind.EDGE_SLACK: "no pixel is more than {edge_max:.1f} px from a border of the truth",
    Kind.TAKEN_OVER: "{share} of this {gt} region was called {pred}",
    Kind.MISSED: "only {hit} of this {gt} region is right; what is around flowed over it",
    Kind.INVENTED: "a {pred} is seen where there is hardly any in truth",
    Kind.SPLIT: "it parts the right pixels of one {gt} region",
    Kind.MERGED: "it joins regions of {pred} into one",
    Kind.LEAK: "a region reaches too far, or not far enough",
}
VERDICT_TEXT = {
    Verdict.MODEL_WRONG: "Model wrong",
    Verdict.LABEL_WRONG: "Label wrong",
    Verdict.POLICY_UNCLEAR: "Policy unclear",
}
DESTINATION_TEXT = {
    Destination.QUEUE: "Correction queue",
    Destination.WEIGHT: "Sampling weight",
    Destination.IGNORE: "Ignore",
    Destination.EXPORT: "Export list",
}
# The split whose samples a model is trained on.
TRAINING = "train"
SAMPLE_WORDS = (("split", "Split"), ("status", "Status"), ("tag", "Tags"))


def percent(share: float) -> str:
    """A share 0-1 in percent; "–" where it is not known. Only nothing is 0 %, only all is 100 %."""
    if math.isnan(share):
        return "–"
    if 0 < share < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < share < 1 else f"{share * 100:.0f} %"


def points(share: float) -> str:
    """A share of mIoU or IoU in points."""
    value = share * 100
    if 0 < value < 0.001:
        return "< 0.001"
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 1 else f"{value:.1f}"


def pixels(count: int) -> str:
    """A count of pixels, "1.2 Mpx" from a million on."""
    return f"{count / 1e6:.1f} Mpx" if count >= 1e6 else f"{count:,} px"


def pair(failures: FailureTable, row: int) -> str:
    """What was called what: "train as bus"."""
    table, rows = failures.table, failures.table.rows
    return f"{table.name(int(rows.truth[row]))} as {table.name(int(rows.predicted[row]))}"


def short(failures: FailureTable, row: int) -> str:
    """Size, certainty and kind in one line."""
    rows = failures.table.rows
    sure = float(rows.confidence[row])
    parts = [pixels(int(rows.area[row])), *([] if math.isnan(sure) else [percent(sure)])]
    return " · ".join([*parts, KIND_TEXT[Kind(int(rows.kind[row]))]])


def meaning(failures: FailureTable, row: int) -> str:
    """The kind and what it says of this segment."""
    table, rows = failures.table, failures.table.rows
    kind = Kind(int(rows.kind[row]))
    said = KIND_MEANING[kind].format(
        gt=table.name(int(rows.truth[row])),
        pred=table.name(int(rows.predicted[row])),
        share=percent(float(rows.share[row])),
        hit=percent(float(rows.hit[row])),
        edge_max=float(rows.edge_max[row]),
    )
    return f"{KIND_TEXT[kind].capitalize()}: {said}."


def facts(failures: FailureTable, row: int) -> list[tuple[str, str]]:
    """Everything that is known of a segment: name and value, in the order in which it is asked for."""
    table, rows = failures.table, failures.table.rows
    whole = int(table.numbers["true_area"][row])
    x, y, width, height = rows.box[row].tolist()
    found = [
        ("Costs", f"{points(float(failures.costs[row]))} points of mIoU"),
        ("Size", f"{int(rows.area[row]):,} px, {width} × {height}"),
        ("True region", f"{whole:,} px; this is {percent(float(rows.share[row]))} of it"),
        ("Found of it", percent(float(rows.hit[row]))),
        ("Sure", _sure(float(rows.confidence[row]), float(rows.margin[row]))),
        ("From a border", f"{float(rows.edge_mean[row]):.1f} px, at most {float(rows.edge_max[row]):.1f}"),
        ("Beside", table.name(int(rows.beside[row])) if rows.beside[row] < len(table.names) else "nothing"),
        ("Place", f"{x + width // 2}, {y + height // 2}{_touching(failures, row)}"),
    ]
    sample = int(table.sample[row])
    for word, name in SAMPLE_WORDS:
        text = table.by_sample[word][sample]
        if text != NONE:
            found.append((name, text.replace(",", ", ").replace("_", " ")))
    suspect = float(table.numbers["suspect"][row])
    if suspect > 0:
        found.append(("Mask in doubt", percent(suspect)))
    if "change" in table.by_row:
        found.append(("Change", f"{table.by_row['change'].text(row)} since {failures.compared}"))
    return found


def support(failures: FailureTable, row: int) -> str:
    """How many regions like the one that a segment lies in the training has."""
    table, found = failures.table, failures.evaluation
    in_training = np.array([split == TRAINING for split in table.by_sample["split"]], bool)
    if not in_training.any():
        return f"no evaluated sample is in the split “{TRAINING}”"
    known = training_support(
        table, row, found.regions, found.region_sample, failures.heights.astype(np.int64), in_training
    )
    alike, name = len(known.like), table.name(known.class_id)
    return (
        f"{alike:,} {'region' if alike == 1 else 'regions'} like it in {known.images:,} images; "
        f"{known.of_class:,} of {name} in {known.images_of_class:,}"
    )


def decisions(failures: FailureTable, row: int) -> tuple[Verdict | None, frozenset[Destination]]:
    """What people decided about a segment: whose fault it is, and where it was sent."""
    words = failures.table.by_row
    verdict, sent = words["verdict"].text(row), words["sent"].text(row)
    return (
        Verdict(verdict) if verdict else None,
        frozenset(Destination(name) for name in sent.split(",") if name),
    )


def _sure(confidence: float, margin: float) -> str:
    if math.isnan(confidence):
        return "not known"
    known = not math.isnan(margin)
    return f"{percent(confidence)}, {percent(margin)} ahead of the second" if known else percent(confidence)


def _touching(failures: FailureTable, row: int) -> str:
    rows = failures.table.rows
    texts = [", at the edge of the image"] if rows.at_border[row] else []
    return "".join([*texts, *([", beside ignored pixels"] if rows.beside_ignore[row] else [])])
