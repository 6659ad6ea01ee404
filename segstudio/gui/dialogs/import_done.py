"""The last page of an import: what was matched, how far the answers are equal, and where the model is."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from segstudio.errors import sentence
from segstudio.gui.dialogs.import_parts import Rows, fact
from segstudio.gui.dialogs.import_texts import TENSORS_SHOWN, first_of, summary
from segstudio.gui.icons import Icons
from segstudio.gui.panels.parts import caption
from segstudio.workflows.model_source import Imported

SIGN_LINES = 1.8


class DonePage(QWidget):
    """Says that a model is there and what is known about it."""

    def __init__(self, model: Imported, icons: Icons) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(_make_head(model, icons))
        layout.addLayout(_make_rows(model))
        layout.addStretch(1)


def _make_head(model: Imported, icons: Icons) -> QHBoxLayout:
    sign = QToolButton()
    icons.bind(sign, "check-circle", "success")
    side = round(sign.fontMetrics().height() * SIGN_LINES)
    sign.setIconSize(QSize(side, side))
    # It is a picture and stands flush with the rows below.
    sign.setStyleSheet("border: none; padding: 0;")
    sign.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    sign.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    sign.setAccessibleName("Done")
    words = QVBoxLayout()
    words.setSpacing(4)
    words.addWidget(fact(f"{model.name} is imported", "large"))
    words.addWidget(caption("It is chosen for the next predictions.", "muted", wrap=True))
    head = QHBoxLayout()
    head.setSpacing(12)
    head.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
    head.addLayout(words, 1)
    return head


def _make_rows(model: Imported) -> Rows:
    rows = Rows()
    values = {
        "Checked": sentence(summary(model)),
        "Missing": first_of(model.missing, TENSORS_SHOWN),
        "Not used": first_of(model.unexpected, TENSORS_SHOWN),
        "Network": model.network,
        "Made by": model.producer,
        "Palette": model.palette,
        "Notes": "\n".join(sentence(note) for note in model.notes),
        "Folder": model.folder,
    }
    for name, text in values.items():
        if text:
            rows.add_fact(name, text)
    return rows
