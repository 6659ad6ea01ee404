"""The error segments of a model on a project, with everything that queries may ask about them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts
from segstudio.metrics.region_links import region_of, true_areas
from segstudio.metrics.segment_changes import change_column, matched
from segstudio.metrics.segment_cost import segment_costs
from segstudio.metrics.segment_table import Coded, SegmentTable
from segstudio.metrics.strata import middles
from segstudio.project.evaluations import ModelEvaluation
from segstudio.project.project import Project
from segstudio.project.sample import Sample
from segstudio.workflows.project_quality import suspicion

# What queries call the absence of a folder, a split or a tag.
TOP, NONE = ".", "none"
TAG_SIGN = "#"
BROKEN = "broken"


@dataclass(frozen=True, eq=False)
class FailureTable:
    """A model's evaluation whose table knows more words, and what the views of failures count with.

    Words of samples are `folder`, `split`, `status` and `tag`; of segments `verdict` and `sent`, `true_area`
    and `true_height` (of the true region that a segment lies in, pixels), `row` (its middle, 0 at the top and
    1 at the bottom of the image), `suspect`
    (how much the mask itself is in doubt there), and `change` where two models are compared.

    Attributes:
        evaluation: the evaluation; its table is the one with the words.
        costs: float32 [n], points of mIoU, as a fraction, that each segment costs.
        region_places: float64 [r], the middle of each true region, 0 at the top and 1 at the bottom.
        heights: int32 [N], of the images in pixels.
        compared: the other model, "" without one.
        fixed: segments of the other model that are right in this one.
    """

    evaluation: ModelEvaluation
    costs: NDArray[np.float32]
    region_places: NDArray[np.float64]
    heights: NDArray[np.int32]
    compared: str = ""
    fixed: int = 0

    @property
    def table(self) -> SegmentTable:
        """The segments."""
        return self.evaluation.table

    @property
    def pooled(self) -> Counts:
        """int64 [K,K+1]: the confusion counts of all samples."""
        total: Counts = self.evaluation.confusion.sum(axis=0)
        return total


def failure_table(
    project: Project, model: str, keys: Collection[str] | None = None, *, compared: str = ""
) -> FailureTable:
    """Joins what an evaluation measured with what the project knows of its samples and segments.

    Args:
        project: whose samples.
        model: an evaluated model; one that was not evaluated has no samples.
        keys: these samples alone; None means all.
        compared: another evaluated model, the one of before: segments that it does not have are "broken".
    """
    found = project.evaluation.load(model, keys)
    by_key = {sample.key: sample for sample in project.samples()}
    # One that went away in this moment has no facts.
    samples = [by_key.get(key, Sample(key, "", "")) for key in found.keys]
    heights = _heights(found, samples)
    table = replace(
        found.table,
        by_sample=sample_words(samples),
        present=found.confusion.sum(axis=2) > 0,
        numbers=_numbers(found, heights),
    )
    table = replace(table, numbers={**table.numbers, "suspect": suspicion(project, model, table)})
    words, fixed = project.verdicts.columns(table), 0
    if compared:
        change, fixed = _changes(table, project.evaluation.load(compared, found.keys).table)
        words["change"] = change
    table = replace(table, by_row=words)
    costs = segment_costs(table, found.confusion.sum(axis=0))
    places = middles(found.regions.box, heights[found.region_sample])
    return FailureTable(replace(found, table=table), costs, places, heights, compared, fixed)


def sample_words(samples: Sequence[Sample]) -> dict[str, tuple[str, ...]]:
    """A text for each sample by the word of a query; tags are the words of a note that begin with `#`."""
    return {
        "folder": tuple(sample.key.rpartition("/")[0] or TOP for sample in samples),
        "split": tuple(sample.split or NONE for sample in samples),
        "status": tuple(sample.status.value for sample in samples),
        "tag": tuple(",".join(tags_of(sample.note)) or NONE for sample in samples),
    }


def tags_of(note: str) -> list[str]:
    """The tags in a note, each once, sorted: "#night" and "#rain," are `night` and `rain`."""
    words = (word.strip(".,;:!?") for word in note.split() if word.startswith(TAG_SIGN))
    return sorted({word.removeprefix(TAG_SIGN) for word in words} - {""})


def _heights(found: ModelEvaluation, samples: Sequence[Sample]) -> NDArray[np.int32]:
    """int32 [N]: the images' heights; where nobody read one, how far down its truth reaches."""
    heights = np.array([sample.height for sample in samples], np.int32)
    reach = np.zeros(len(samples), np.int32)
    np.maximum.at(reach, found.region_sample, found.regions.box[:, 1] + found.regions.box[:, 3])
    return np.where(heights > 0, heights, reach)


def _numbers(found: ModelEvaluation, heights: NDArray[np.int32]) -> dict[str, NDArray[np.float32]]:
    table, regions = found.table, found.regions
    region = region_of(table, regions, found.region_sample)
    high = np.full(table.count, np.nan, np.float32)
    high[region >= 0] = regions.box[region[region >= 0], 3]
    row = table.rows.centre[:, 1] / np.maximum(heights, 1)[table.sample]
    return {
        "true_area": true_areas(table).astype(np.float32),
        "true_height": high,
        "row": row.astype(np.float32),
    }


def _changes(table: SegmentTable, other: SegmentTable) -> tuple[Coded, int]:
    """The word `change` of a table, and how many segments only the other one has."""
    same, still = matched(table, other)
    return change_column(same, BROKEN), int(np.count_nonzero(~still))
