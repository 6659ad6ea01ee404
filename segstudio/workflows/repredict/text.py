"""How a plan of new predictions is told."""

from collections.abc import Sequence
from typing import Any

from segstudio.workflows.repredict.plan import RepredictPlan

NO_CLASS = "no class"


def plan_words(plan: RepredictPlan) -> str:
    """What would change, in one sentence."""
    first = sum(one.is_first for one in plan.samples)
    known, changing = len(plan.samples) - first, sum(one.changed > 0 for one in plan.samples)
    parts = []
    if known:
        parts.append(
            f"{changing:,} of {known:,} predictions change, {100 * plan.share:.1f} % of their pixels"
        )
    if first:
        parts.append(f"{first:,} samples get their first prediction")
    return "; ".join(parts) or "nothing could be predicted"


def class_name(names: Sequence[str], class_id: int) -> str:
    """A class by its id in a prediction."""
    return names[class_id] if class_id < len(names) else NO_CLASS


def plan_json(plan: RepredictPlan, names: Sequence[str], limit: int) -> dict[str, Any]:
    """A JSON-ready form with the `limit` samples that change most; shares are fractions 0-1."""
    return {
        "model": plan.model,
        "words": plan_words(plan),
        "samples": len(plan.samples),
        "touched": plan.touched,
        "share": round(plan.share, 6),
        "classes": [
            {"before": class_name(names, before), "after": class_name(names, after), "pixels": pixels}
            for before, after, pixels in plan.totals
        ],
        "changes": [
            {
                "sample": one.key,
                "share": None if one.is_first else round(one.share, 6),
                "classes": [
                    {"before": class_name(names, before), "after": class_name(names, after), "pixels": pixels}
                    for before, after, pixels in one.pairs
                ],
            }
            for one in plan.samples[:limit]
        ],
        "skipped": [{"sample": key, "reason": reason} for key, reason in plan.skipped],
    }
