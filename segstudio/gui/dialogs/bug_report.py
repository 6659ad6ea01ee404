"""Tells that segstudio made a mistake, keeps the user's work safe, and makes it easy to report."""

import platform
import sys
from importlib import metadata
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from segstudio.gui.panels.parts import caption


def report_text(summary: str, trace: str) -> str:
    """What a developer needs: the trace and the versions; no paths of images, no image content."""
    versions = [f"Python {sys.version.split()[0]}", platform.platform()]
    for package in ("segstudio", "PySide6-Essentials", "numpy", "onnxruntime", "openvino"):
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            versions.append(f"{package} not installed as a package")
    return f"{summary}\n\n{trace.strip()}\n\n{' · '.join(versions)}\n"


class BugReport(QDialog):
    """One bug: what happened, the report to copy, and where the log is."""

    def __init__(self, parent: QWidget | None, summary: str, trace: str, log: Path) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("segstudio made a mistake")
        self.resize(680, 440)
        self._report = report_text(summary, trace)
        self._log = log
        text = QPlainTextEdit(self._report)
        text.setReadOnly(True)
        text.setAccessibleName("Report")
        where = caption(f"Log: {log}", "small", wrap=True)
        where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(12)
        layout.addWidget(caption("This is a bug in segstudio", "large"))
        layout.addWidget(
            caption(
                "Your edits are in the journal and will be offered again if the window closes.",
                "muted",
                wrap=True,
            )
        )
        layout.addWidget(caption(summary, "danger", wrap=True))
        layout.addWidget(text, 1)
        layout.addWidget(where)
        layout.addLayout(self._make_buttons())

    def _make_buttons(self) -> QHBoxLayout:
        self.copy_button = QPushButton("Copy report")
        self.copy_button.clicked.connect(self._copy)
        folder = QPushButton("Open log folder")
        folder.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._log.parent))))
        go_on = QPushButton("Continue")
        go_on.setProperty("role", "primary")
        go_on.setDefault(True)
        go_on.clicked.connect(self.accept)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.copy_button)
        buttons.addWidget(folder)
        buttons.addStretch(1)
        buttons.addWidget(go_on)
        return buttons

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._report)
        self.copy_button.setText("Copied")
