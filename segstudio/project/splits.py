"""Divides samples into splits at random, reproducibly."""

import hashlib
import json
from collections.abc import Iterable, Mapping

from segstudio.errors import ProjectError

TOLERANCE = 1e-6


def divide(keys: Iterable[str], fractions: Mapping[str, float], seed: int) -> dict[str, str]:
    """The split of each key; the order of the keys does not matter, and sizes are right to one sample.

    Args:
        keys: samples.
        fractions: the share of each split; they sum to 1.
        seed: another one, another division.

    Raises:
        ProjectError: the fractions are negative or do not sum to 1.
    """
    shares = ", ".join(f"{name}={share:g}" for name, share in fractions.items()) or "(none)"
    if any(share < 0 for share in fractions.values()) or abs(sum(fractions.values()) - 1) > TOLERANCE:
        raise ProjectError(f"the splits {shares} do not sum to 1", hint="for example train=0.8 val=0.2")
    order = sorted(keys, key=lambda key: lot(seed, key))
    by_key: dict[str, str] = {}
    reached = 0.0
    for name, share in fractions.items():
        begin, reached = round(reached * len(order)), reached + share
        by_key |= dict.fromkeys(order[begin : round(reached * len(order))], name)
    return by_key


def lot(seed: int, key: str) -> bytes:
    """32 bytes drawn for a key: the same for every seed and key, whatever other keys there are."""
    return hashlib.sha256(json.dumps([seed, key]).encode()).digest()
