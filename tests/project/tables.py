"""Sample tables made by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from segstudio.project.sample import SampleStatus
from segstudio.project.sample_table import STATUSES, SampleTable

NAMES = ("road", "train", "traffic light")


def make_table(
    keys: Sequence[str],
    statuses: Sequence[SampleStatus] = (),
    masks: Sequence[Sequence[int] | None] = (),
    predictions: Sequence[Sequence[int] | None] = (),
    **columns: Any,
) -> SampleTable:
    """A table of three classes; masks and predictions are pixels by class, None for none."""
    count = len(keys)
    masks, predictions = masks or [None] * count, predictions or [None] * count
    statuses = statuses or [SampleStatus.UNLABELLED] * count
    unknown = np.full(count, np.nan, np.float32)
    values: dict[str, Any] = {
        "split": ("",) * count,
        "assignee": ("",) * count,
        "note": ("",) * count,
        "width": np.full(count, 20, np.int32),
        "height": np.full(count, 10, np.int32),
        "changed_at": np.zeros(count),
        "comments": np.zeros(count, np.int32),
        "class_iou": np.full(3, np.nan),
        **dict.fromkeys(
            ("confidence", "margin", "unsure", "quality", "differing", "suspect", "iou"), unknown
        ),
    }
    for name, value in columns.items():
        like = values[name]
        values[name] = tuple(value) if isinstance(like, tuple) else np.array(value, like.dtype)
    return SampleTable(
        names=NAMES,
        keys=tuple(keys),
        status=np.array([STATUSES.index(status) for status in statuses], np.uint8),
        has_mask=np.array([entry is not None for entry in masks], bool),
        has_prediction=np.array([entry is not None for entry in predictions], bool),
        mask_pixels=np.array([entry or (0, 0, 0) for entry in masks], np.int32).reshape(count, 3),
        predicted_pixels=np.array([entry or (0, 0, 0) for entry in predictions], np.int32).reshape(count, 3),
        **values,
    )
