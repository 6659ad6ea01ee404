"""IoU of groups of classes: mistaking a bus for a truck is no mistake among vehicles."""

from collections.abc import Sequence

import numpy as np

from segstudio.metrics.confusion import Counts, scores


def group_ious(counts: Counts, groups: Sequence[str]) -> dict[str, float]:
    """IoU of every group, fractions 0-1, NaN where none of its classes occurs.

    Args:
        counts: int64 [K, K+1] confusion counts.
        groups: the group of every class; classes without one, "", are in none and only cost others.

    Returns:
        by group in order of first appearance; empty when no class has a group.
    """
    names = list(dict.fromkeys(name for name in groups if name))
    if not names:
        return {}
    # Classes without a group share the row and the column behind the groups.
    number = [names.index(name) if name else len(names) for name in groups]
    member = np.zeros((len(groups), len(names) + 1), np.int64)
    member[np.arange(len(groups)), number] = 1
    merged = member.T @ counts[:, :-1] @ member
    missed = member.T @ counts[:, -1:]
    ious = scores(np.concatenate([merged, missed], axis=1)).iou
    return {name: float(ious[position]) for position, name in enumerate(names)}
