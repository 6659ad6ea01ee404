"""Instance-weighted hits and misses, from which iIoU follows: small objects count as much as large ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# An instance map holds code * PER_CODE + number for every pixel of an instance, as Cityscapes does.
PER_CODE = 1000


@dataclass(frozen=True)
class InstanceRules:
    """Which instances count, and for how much.

    Attributes:
        class_of: the class id that the code of an instance map stands for; other codes are not counted.
        mean_sizes: pixels of a usual instance, for every class id of class_of.
        groups: the group of every class id, "" for none.
    """

    class_of: dict[int, int]
    mean_sizes: dict[int, float]
    groups: tuple[str, ...]


def weigh_instances(
    instances: NDArray[np.int32], predicted: NDArray[np.uint8], classes: int, rules: InstanceRules
) -> NDArray[np.float64]:
    """Hit and missed pixels of instances, each pixel weighted by mean size / size of its instance.

    Args:
        instances: int32 [H,W], code * 1000 + number; values up to 1000 are no instances.
        predicted: uint8 [H,W] class ids.
        classes: number of classes K.
        rules: which instances count.

    Returns:
        float64 [K, 4] by true class: pixels predicted as the class, as another one, as any class of its
        group, as none of its group.

    Raises:
        ValueError: the shapes differ.
    """
    if instances.shape != predicted.shape:
        raise ValueError(f"instances are {instances.shape}, prediction is {predicted.shape}")
    result = np.zeros((classes, 4))
    counted = (instances > PER_CODE) & np.isin(instances // PER_CODE, list(rules.class_of))
    values, instance_of = np.unique(instances[counted], return_inverse=True)
    found = predicted[counted]
    true_class = np.array([rules.class_of[int(value) // PER_CODE] for value in values], np.int64)
    sizes = np.bincount(instance_of, minlength=len(values))
    weights = np.array([rules.mean_sizes[int(number)] for number in true_class]) / np.maximum(sizes, 1)
    group_of = _group_numbers(rules.groups)
    hit = found == true_class[instance_of]
    near = hit | ((group_of[found] == group_of[true_class[instance_of]]) & (group_of[found] > 0))
    for column, hits in ((0, hit), (2, near)):
        pixels = np.bincount(instance_of[hits], minlength=len(values))
        np.add.at(result[:, column], true_class, pixels * weights)
        np.add.at(result[:, column + 1], true_class, (sizes - pixels) * weights)
    return result


def _group_numbers(groups: tuple[str, ...]) -> NDArray[np.int64]:
    """int64 [256]: a number from 1 for the group of every class id, 0 for none."""
    table = np.zeros(256, np.int64)
    names = sorted({name for name in groups if name})
    for number, name in enumerate(groups):
        table[number] = names.index(name) + 1 if name else 0
    return table
