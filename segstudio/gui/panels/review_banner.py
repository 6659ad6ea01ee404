"""The strip above the canvas that says why the open sample came back."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from segstudio.gui.icons import Icons
from segstudio.gui.panels.parts import caption, icon_button
from segstudio.project.sample import Sample, SampleStatus

SHOWN = {
    SampleStatus.REJECTED: "error",
    SampleStatus.IN_PROGRESS: "warning",
    SampleStatus.SUBMITTED: "info",
}


class ReviewBanner(QWidget):
    """Shown while a sample is to be corrected, and to whoever looks at the correction."""

    def __init__(self, icons: Icons) -> None:
        super().__init__()
        self.setObjectName("messageBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        sign = icon_button(icons, "arrow-u-up-left", "Rejected", role="danger")
        sign.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        sign.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.text = caption("", wrap=True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 12, 4)
        layout.setSpacing(8)
        layout.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.text, 1)
        self.hide()

    def show_sample(self, sample: Sample | None) -> None:
        """Says why a sample was rejected; hides where it was not, or was accepted since."""
        level = SHOWN.get(sample.status) if sample is not None and sample.reason else None
        if sample is None or level is None:
            self.hide()
            return
        by = f" by {sample.reviewer}" if sample.reviewer else ""
        verb = "Rejected" if sample.status is SampleStatus.REJECTED else "Was rejected"
        self.text.setText(f"{verb}{by}: {sample.reason}")
        self.setAccessibleName(self.text.text())
        if self.property("level") != level:
            self.setProperty("level", level)
            self.style().unpolish(self)
            self.style().polish(self)
        self.show()
