"""Choices of an export that few need: fixed shapes, what int8 may lose, DeepStream's output. Folded."""

import re
from collections.abc import Collection
from dataclasses import replace

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from segstudio.deploy.gate import INT8, PERCENT, Limits
from segstudio.gui.dialogs.export_parts import CalmDecimal, HidingRows
from segstudio.gui.dialogs.import_parts import CalmCombo, CalmSpin, say
from segstudio.gui.icons import Icons
from segstudio.gui.panels.parts import ICON, caption
from segstudio.workflows.exports.formats import FORMATS

MOST_BATCH = 256
SIZE = re.compile(r"\s*([1-9]\d{1,4})\s*[x×]\s*([1-9]\d{1,4})\s*", re.IGNORECASE)
# As `deploy.nvinfer.BUNDLE_OUTPUTS`, the usual one first.
OUTPUTS = {
    "argmax": "Class ids (argmax)",
    "logits": "Scores (logits)",
    "nvdsinfer": "For DeepStream's own parser (nvdsinfer)",
}
LIMITS, OUTPUT = "int8 may lose", "DeepStream output"


class AdvancedRows(QWidget):
    """Opened and closed by a button; `changed` follows every choice."""

    changed = Signal()

    def __init__(self, icons: Icons) -> None:
        super().__init__()
        self._icons = icons
        self.button = QPushButton("Advanced")
        self.button.setProperty("role", "quiet")
        self.button.setCheckable(True)
        self.button.setStyleSheet("padding-left: 0; padding-right: 8px;")
        self.button.setIconSize(QSize(ICON))
        self.button.toggled.connect(self._fold)
        self._body = QWidget()
        self._rows = HidingRows()
        self._body.setLayout(self._rows)
        self._add_shapes()
        self._add_limits()
        self.output = CalmCombo()
        for key, text in OUTPUTS.items():
            self.output.addItem(text, key)
        self._rows.add(OUTPUT, self.output)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self._body)
        self._fold(False)

    def _add_shapes(self) -> None:
        self.batch = CalmSpin()
        self.batch.setSuffix("")
        self.batch.setRange(0, MOST_BATCH)
        self.batch.setSpecialValueText("Any")
        self.image_size = QLineEdit()
        self.image_size.setPlaceholderText("Any, or such as 1024x512")
        self.image_size.textChanged.connect(lambda _: self._size_edited())
        self._rows.add("Fixed batch", self.batch)
        self._rows.add("Fixed image size", self.image_size)
        self._size_problem = self._rows.add_remark("danger")

    def _add_limits(self) -> None:
        self.miou_loss = CalmDecimal(0, PERCENT, INT8.miou_loss * PERCENT, "points")
        self.class_loss = CalmDecimal(0, PERCENT, INT8.class_loss * PERCENT, "points")
        self.agreement = CalmDecimal(0, PERCENT, INT8.agreement * PERCENT, "%")
        box = QWidget()
        line = QHBoxLayout(box)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        fields = (
            ("of mIoU", self.miou_loss),
            ("of any class", self.class_loss),
            ("equal ids", self.agreement),
        )
        for name, field in fields:
            field.setAccessibleName(f"int8: {name}")
            line.addWidget(field)
            line.addWidget(caption(name, "muted"))
            line.addSpacing(8)
        line.addStretch(1)
        self._rows.add(LIMITS, box)

    def _fold(self, is_open: bool) -> None:
        self._body.setVisible(is_open)
        self._icons.bind(self.button, "caret-down" if is_open else "caret-right", "muted")
        self.changed.emit()

    def _size_edited(self) -> None:
        say(self._size_problem, self.problem)
        self.changed.emit()

    def show_for(self, formats: Collection[str]) -> None:
        """Shows what matters for the chosen formats."""
        is_int8 = any(FORMATS[name].judged == "int8" for name in formats)
        shown = [LIMITS] * is_int8 + [OUTPUT] * ("deepstream" in formats)
        self._rows.show_only(shown, (LIMITS, OUTPUT))

    @property
    def problem(self) -> str:
        """What is written wrongly; "" for nothing."""
        text = self.image_size.text().strip()
        return "" if not text or SIZE.fullmatch(text) else "Write the size as WIDTHxHEIGHT, such as 1024x512."

    def values(self) -> tuple[int, str, Limits, str]:
        """Batch, size, limits and DeepStream's output as `ExportOrder` takes them."""
        found = SIZE.fullmatch(self.image_size.text())
        limits = replace(
            INT8,
            miou_loss=self.miou_loss.value() / PERCENT,
            class_loss=self.class_loss.value() / PERCENT,
            agreement=self.agreement.value() / PERCENT,
        )
        size = f"{found[1]}x{found[2]}" if found else ""
        return self.batch.value(), size, limits, str(self.output.currentData())
