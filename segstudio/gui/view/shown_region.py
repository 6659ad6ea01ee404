"""What a page asks the editor to show: an error segment, of which model, and what to say about it."""

from dataclasses import dataclass

from segstudio.metrics.segment_shape import SegmentSpot


@dataclass(frozen=True)
class ShownRegion:
    """A segment of a model's errors; `text` is one line on what it is."""

    spot: SegmentSpot
    model: str
    text: str
