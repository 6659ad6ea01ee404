"""The row above the canvas that tells how the present tool is used, and holds its options."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from segstudio.gui.canvas.modes import ShapeOp, ToolName
from segstudio.gui.correcting.tool_state import Amount, ToolState
from segstudio.gui.dialogs.import_parts import CalmSpin
from segstudio.gui.keys.key_book import KeyBook
from segstudio.gui.panels.parts import ElidedLabel, Segments, caption

HEIGHT = 40
OPS = (
    (ShapeOp.GROW, "Grow", "Wider on all sides"),
    (ShapeOp.SHRINK, "Shrink", "Narrower; the nearest class takes the rim"),
    (ShapeOp.SMOOTH, "Smooth", "Round the border off"),
    (ShapeOp.FILL_HOLES, "Fill holes", "What the region encloses takes its class"),
    (ShapeOp.MERGE, "Merge", "The region takes the class around it"),
    (ShapeOp.KEEP, "Keep", "The other regions of its class take what surrounds them"),
    (ShapeOp.SPLIT, "Split", "Cut the region along a line"),
)
OP_HINTS = {
    ShapeOp.GROW: "Right click shrinks · Shift: whole class",
    ShapeOp.SHRINK: "Right click grows · Shift: whole class",
    ShapeOp.SMOOTH: "Right click: whole class",
    ShapeOp.FILL_HOLES: "Right click: whole class",
    ShapeOp.MERGE: "Right click: islands",
    ShapeOp.KEEP: "Right click: the largest",
    ShapeOp.SPLIT: "Draw a line across; the smaller part changes class",
}
TOOL_HINTS = {
    ToolName.BRUSH: "Drag paints · right button erases · Shift+click: straight line · Shift+wheel: size",
    ToolName.ERASER: "Drag erases · right button paints · Shift+click: straight line · Shift+wheel: size",
    ToolName.RESTORE: "Drag paints back what was there · right button erases · Shift+wheel: size",
    ToolName.POLYGON: "Click corners or drag · Enter fills, Ctrl+Enter cuts out · Backspace: last corner",
    ToolName.LASSO: "Drag round an area · right button erases · Shift: the class where the drag begins",
    ToolName.EXTEND: "Drag from inside a region round what belongs to it: it takes the region's class",
    ToolName.FILL: "Click a region: it takes the active class · Ctrl+click: its class everywhere",
    ToolName.RELABEL: "Click a region, or point at it and press a class key",
    ToolName.ACCEPT_REGION: "Click: the predicted region there is taken over",
    ToolName.WAND: "Click: pixels of like colour · drag right: more, left: fewer · right button erases",
    ToolName.SUPERPIXEL: "Click or drag adds cells, again or right button removes · Shift: class borders",
    ToolName.SCISSORS: "Click knots along an edge · Ctrl: straight · Backspace: last knot · Enter fills",
    ToolName.SEGMENT: "Click what belongs, right click what does not, or drag a box · Enter or Space paints",
    ToolName.PICK: "Click: the class there becomes active",
    ToolName.PAN: "Drag the image",
}
NAMES = {
    ToolName.ACCEPT_REGION: "Use prediction",
    ToolName.WAND: "Magic wand",
    ToolName.RESTORE: "Restore brush",
    ToolName.SUPERPIXEL: "Superpixels",
    ToolName.SEGMENT: "Click to segment",
    ToolName.EXTEND: "Extend region",
}


class ToolOptionsBar(QWidget):
    """One row for every tool: its name, its options if it has any, and what the buttons do.

    `finished` asks to give the keyboard back to the canvas.
    """

    finished = Signal()

    def __init__(self, state: ToolState) -> None:
        super().__init__()
        self.setObjectName("bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT)
        self._state = state
        self._tool = ToolName.BRUSH
        self._amount: Amount | None = None
        self._name = caption("", "strong")
        self.ops = Segments("Reshape", [(op.value, text, tip) for op, text, tip in OPS])
        self._amount_name = caption("", "muted")
        self.spin = CalmSpin()
        self.spin.setKeyboardTracking(False)
        self.hint = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.hint.setProperty("role", "muted")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 0, 12, 0)
        layout.setSpacing(8)
        for widget in (self._name, self.ops, self._amount_name, self.spin):
            layout.addWidget(widget)
        layout.addWidget(self.hint, 1)
        self.ops.chosen.connect(lambda value: state.set_op(ShapeOp(value)))
        self.spin.valueChanged.connect(self._turned)
        self.spin.lineEdit().returnPressed.connect(self.finished)
        state.changed.connect(self._follow)
        self._follow()

    def add_options(self, options: QWidget) -> None:
        """Puts more options before the hint."""
        row = self.layout()
        assert isinstance(row, QHBoxLayout)
        row.insertWidget(row.indexOf(self.hint), options)

    def show_keys(self, keys: KeyBook) -> None:
        """Names the keys in force."""
        for op, _, tip in OPS:
            self.ops.buttons[op.value].setToolTip(keys.with_key(tip, f"region.{op.value}"))

    def add_button(self, button: QWidget) -> None:
        """Puts a button at the right end."""
        row = self.layout()
        assert row is not None
        row.addWidget(button)

    def show_tool(self, tool: ToolName) -> None:
        """Follows the canvas."""
        self._tool = tool
        self._follow()

    def _turned(self, value: int) -> None:
        if self._amount is not None:
            self._state.set_amount(self._amount, value)

    def _follow(self) -> None:
        state, tool = self._state, self._tool
        self._name.setText(NAMES.get(tool, tool.value.capitalize()))
        # The operations say enough, and need the room.
        self._name.setVisible(tool is not ToolName.SHAPE)
        self.ops.setVisible(tool is ToolName.SHAPE)
        self.ops.set_value(state.options.op.value)
        self.hint.setText(OP_HINTS[state.options.op] if tool is ToolName.SHAPE else TOOL_HINTS[tool])
        self._amount = None
        amount = state.amount(tool)
        for widget in (self._amount_name, self.spin):
            widget.setVisible(amount is not None)
        if amount is not None:
            self._amount_name.setText(amount.text)
            self.spin.setAccessibleName(amount.text)
            self.spin.setToolTip(f"{amount.text} (Shift+wheel)")
            self.spin.setRange(amount.least, amount.most)
            self.spin.setSuffix(amount.suffix)
            self.spin.setValue(state.value(amount))
        self._amount = amount
