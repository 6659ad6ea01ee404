"""All keys on one sheet (F1), made from the action table."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from segstudio.gui.action_spec import ActionSpec, pretty_key
from segstudio.gui.actions import ACTIONS
from segstudio.gui.panels.parts import caption

COLUMNS = 3
# Keys that no menu action has: the canvas and the class slots serve them.
OTHER_KEYS = (
    ("1 … 0", "Class slots 1–10"),
    ("Shift+1 … 0", "Class slots 11–20"),
    ("Wheel", "Zoom about the cursor"),
    ("Shift+Wheel", "Brush size, or the tool's option"),
    ("Middle drag", "Pan"),
    ("Ctrl or right button", "The tool's opposite"),
    ("Enter", "Close and fill the polygon"),
    ("Backspace", "Remove the polygon's last corner"),
    ("Esc", "Cancel the stroke in progress"),
)
HOLD_GROUP = "Held keys"


def sheet() -> dict[str, list[tuple[str, str]]]:
    """Groups of (keys, what they do) in the order of the menus."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for spec in ACTIONS:
        if spec.keys:
            name = HOLD_GROUP if spec.hold else spec.menu.partition("/")[0]
            groups.setdefault(name, []).append((_keys(spec), spec.text.rstrip("…")))
    groups["Mouse and canvas"] = list(OTHER_KEYS)
    return groups


def _keys(spec: ActionSpec) -> str:
    return "  ".join(pretty_key(key) for key in spec.keys[:2])


class KeySheet(QDialog):
    """Shows the sheet in columns."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Keys")
        self.resize(1080, 720)
        columns = QHBoxLayout()
        columns.setSpacing(32)
        for groups in _balanced(list(sheet().items())):
            column = QVBoxLayout()
            column.setSpacing(20)
            for name, rows in groups:
                column.addWidget(_group(name, rows))
            column.addStretch(1)
            columns.addLayout(column, 1)
        content = QWidget()
        content.setLayout(columns)
        columns.setContentsMargins(24, 24, 24, 24)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)


def _balanced(
    groups: list[tuple[str, list[tuple[str, str]]]],
) -> list[list[tuple[str, list[tuple[str, str]]]]]:
    """Deals the groups out to columns in order, each column about equally long."""
    weights = [len(rows) + 2 for _, rows in groups]
    target = sum(weights) / COLUMNS
    columns: list[list[tuple[str, list[tuple[str, str]]]]] = [[] for _ in range(COLUMNS)]
    filled = 0.0
    for group, weight in zip(groups, weights, strict=True):
        columns[min(int((filled + weight / 2) / target), COLUMNS - 1)].append(group)
        filled += weight
    return columns


def _group(name: str, rows: list[tuple[str, str]]) -> QWidget:
    box = QWidget()
    grid = QGridLayout(box)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(0, 1)
    grid.addWidget(caption(name, "heading"), 0, 0, 1, 2)
    for row, (keys, text) in enumerate(rows, start=1):
        grid.addWidget(caption(text, "muted"), row, 0)
        grid.addWidget(caption(keys, "key"), row, 1, Qt.AlignmentFlag.AlignRight)
    return box
