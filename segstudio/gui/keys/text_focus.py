"""Whether the keyboard writes text now: then the window's keys rest."""

from PySide6.QtWidgets import QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit, QTextEdit, QWidget

TEXT_FIELDS = (QLineEdit, QPlainTextEdit, QTextEdit, QAbstractSpinBox)


def is_writing(widget: QWidget | None) -> bool:
    """Whether a widget takes text that is typed."""
    if isinstance(widget, QComboBox):
        return widget.isEditable()
    return isinstance(widget, TEXT_FIELDS) and not getattr(widget, "isReadOnly", bool)()
