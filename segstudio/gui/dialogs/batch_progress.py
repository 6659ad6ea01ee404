"""Covers the window while a batch is taken back, so that no mask is edited in the middle of it."""

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from segstudio.gui.job_bridge import JobBridge
from segstudio.gui.panels.parts import ElidedLabel, caption
from segstudio.jobs import Job

WIDTH = 420
STEPS = 1000


class BatchProgress(QDialog):
    """Shows one Job until it ends; its button, Esc and the cross ask it to stop."""

    def __init__(self, parent: QWidget, bridge: JobBridge, job: Job[Any]) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(job.title)
        self.setFixedWidth(WIDTH)
        self._job = job
        self.text = ElidedLabel("Waiting for what runs before it", Qt.TextElideMode.ElideMiddle)
        self.text.setProperty("role", "muted")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        self.bar.setAccessibleName("Progress")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(12)
        for widget in (caption(job.title, "large"), self.bar, self.text):
            layout.addWidget(widget)
        layout.addLayout(foot)
        bridge.progressed.connect(self._progressed)
        bridge.finished.connect(self._finished)

    def _progressed(self, job: Job[Any]) -> None:
        if job is self._job and job.total:
            self.bar.setRange(0, STEPS)
            self.bar.setValue(round(STEPS * job.done / job.total))
            self.text.setText(f"{job.done:,.0f} of {job.total:,.0f}  ·  {job.text}")

    def _finished(self, job: Job[Any]) -> None:
        if job is self._job:
            self.accept()

    def reject(self) -> None:
        """Asks the Job to stop; the dialog goes when it has."""
        self._job.cancel()
        self.cancel_button.setEnabled(False)
        self.text.setText("Stopping after this sample")
