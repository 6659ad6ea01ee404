"""The options of tools that have no brush: what the region tool does and how far, the wand's tolerance."""

from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal

from segstudio.annotation.superpixels import LARGEST_CELL, SMALLEST_CELL
from segstudio.gui.canvas.modes import ShapeOp, ToolName, ToolOptions
from segstudio.gui.canvas.wand_stroke import LARGEST_TOLERANCE
from segstudio.gui.correcting.tool_choices import CHOICES, Value, stored
from segstudio.gui.memory import Memory


@dataclass(frozen=True)
class Amount:
    """A number that the user can turn: its field of ToolOptions, how it is called, and its range."""

    field: str
    text: str
    least: int
    most: int
    suffix: str = ""


DISTANCE = Amount("distance", "Distance", 1, 64, " px")
RADIUS = Amount("radius", "Radius", 1, 32, " px")
ISLAND = Amount("island", "Islands below", 2, 9999, " px")
TOLERANCE = Amount("tolerance", "Tolerance", 0, LARGEST_TOLERANCE)
SMOOTHING = Amount("smoothing", "Smooth", 0, 3, " px")
CELL = Amount("cell", "Cell size", SMALLEST_CELL, LARGEST_CELL, " px")
AMOUNTS = (DISTANCE, RADIUS, ISLAND, TOLERANCE, CELL, SMOOTHING)
AMOUNT_OF_OP = {
    ShapeOp.GROW: DISTANCE,
    ShapeOp.SHRINK: DISTANCE,
    ShapeOp.SMOOTH: RADIUS,
    ShapeOp.MERGE: ISLAND,
}
# Above this many a turn of the wheel changes an amount by a share of it.
FINE = 16


class ToolState(QObject):
    """The options in force, remembered from one start to the next."""

    changed = Signal()

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self._memory = memory
        self._unturned = 0.0
        self.options = ToolOptions()
        for amount in AMOUNTS:
            self._take(amount, memory.tools.get(amount.field))
        for choice in CHOICES:
            for value, _ in choice.entries:
                if stored(value) == memory.tools.get(choice.field):
                    self._put(choice.field, value)

    def amount(self, tool: ToolName) -> Amount | None:
        """What can be turned with a tool now."""
        if tool is ToolName.WAND:
            return TOLERANCE
        if tool is ToolName.SUPERPIXEL:
            return CELL
        return AMOUNT_OF_OP.get(self.options.op) if tool is ToolName.SHAPE else None

    def value(self, amount: Amount) -> int:
        """An amount's present number."""
        return int(getattr(self.options, amount.field))

    def set_op(self, op: ShapeOp) -> None:
        """The region tool does this from now on."""
        if op is not self.options.op:
            self.options = replace(self.options, op=op)
            self.changed.emit()

    def set_amount(self, amount: Amount, value: int) -> None:
        """Changes a number, within its range."""
        value = min(max(value, amount.least), amount.most)
        if value != self.value(amount):
            self._take(amount, value)
            self._memory.tools[amount.field] = value
            self.changed.emit()

    def choose(self, field: str, value: Value) -> None:
        """Sets one of the options that are chosen from a list."""
        if value == getattr(self.options, field):
            return
        self._put(field, value)
        self.changed.emit()
        # The ids of classes mean others in the next project.
        if any(choice.field == field and value in dict(choice.entries) for choice in CHOICES):
            self._memory.tools[field] = stored(value)

    def _put(self, field: str, value: Value) -> None:
        self.options = replace(self.options, **{field: value})  # type: ignore[arg-type]  # a field's own value

    def turn(self, tool: ToolName, notches: float) -> None:
        """Follows the wheel: parts of a notch add up."""
        amount = self.amount(tool)
        if amount is None:
            return
        self._unturned += notches
        steps = int(self._unturned)
        self._unturned -= steps
        value = self.value(amount)
        self.set_amount(amount, value + steps * max(1, value // FINE))

    def _take(self, amount: Amount, value: object) -> None:
        if isinstance(value, int) and amount.least <= value <= amount.most:
            self.options = replace(self.options, **{amount.field: int(value)})  # type: ignore[arg-type]  # ints
