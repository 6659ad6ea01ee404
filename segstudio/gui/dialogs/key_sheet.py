"""All keys in force on one sheet (F1), to look at, to print and to keep as HTML or PDF."""

import html
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QSizeF, Qt
from PySide6.QtGui import QPageLayout, QPageSize, QPdfWriter, QTextDocument
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.actions.action_spec import ActionSpec, pretty_key
from segstudio.gui.actions.table import ACTIONS
from segstudio.gui.job_bridge import JobBridge
from segstudio.gui.keys.key_book import KeyBook, plain_text
from segstudio.gui.keys.key_map import distinct
from segstudio.gui.panels.parts import ElidedLabel, caption
from segstudio.images import atomic_write

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
    ("Enter", "Disagreement: the model's side"),
    ("Shift+Enter", "Disagreement: the mask's side"),
    ("Esc", "Cancel the stroke in progress"),
)
HOLD_GROUP = "Held keys"
# What both browsers and Qt's own documents understand: spacer cells instead of padding.
PAPER_STYLE = """
body { font-family: sans-serif; font-size: 9pt; }
p.title { font-size: 14pt; font-weight: 600; margin-top: 0; margin-bottom: 6px; }
p.group { font-size: 10pt; font-weight: 600; margin-top: 10px; margin-bottom: 3px; }
td.key { font-weight: 600; }
"""
GAP = '<td width="28"></td>'
# A4, landscape, without margins of 12 and 10 mm, at 96 pixels an inch.
PAGE = QSizeF(1032, 718)
PAGE_GROWS = 1.03
Group = tuple[str, list[tuple[str, str]]]


def sheet(book: KeyBook) -> dict[str, list[tuple[str, str]]]:
    """Groups of (keys, what they do) in the order of the menus."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for spec in ACTIONS:
        if book.keys(spec.id):
            name = HOLD_GROUP if spec.hold else spec.menu.partition("/")[0]
            groups.setdefault(name, []).append((_keys(book, spec), plain_text(spec)))
    groups["Mouse and canvas"] = list(OTHER_KEYS)
    return groups


def _keys(book: KeyBook, spec: ActionSpec) -> str:
    return "  ".join(pretty_key(key) for key in distinct(book.keys(spec.id)))


def sheet_html(book: KeyBook) -> str:
    """The sheet as one HTML page of three columns, dark on white."""
    columns = []
    for groups in balanced(list(sheet(book).items())):
        parts = [f'<p class="group">{html.escape(name)}</p>{_paper_rows(rows)}' for name, rows in groups]
        columns.append(f'<td width="32%" valign="top">{"".join(parts)}</td>')
    title = f"segstudio: keys of the layout “{html.escape(book.map.layout)}”"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<style>{PAPER_STYLE}</style></head><body><p class="title">{title}</p>'
        f'<table width="100%" cellspacing="0"><tr>{GAP.join(columns)}</tr></table></body></html>\n'
    )


def _paper_rows(rows: list[tuple[str, str]]) -> str:
    cells = [
        f'<tr><td>{html.escape(text)}</td><td class="key" align="right">{html.escape(keys)}</td></tr>'
        for keys, text in rows
    ]
    return f'<table width="100%" cellspacing="0" cellpadding="1">{"".join(cells)}</table>'


def sheet_file(book: KeyBook, name: str) -> bytes:
    """The sheet as a file: PDF on one landscape A4 page if the name ends so, else HTML."""
    if not name.lower().endswith(".pdf"):
        return sheet_html(book).encode()
    content = QBuffer()
    content.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(content)
    writer.setTitle("segstudio keys")
    writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
    writer.setPageOrientation(QPageLayout.Orientation.Landscape)
    writer.setPageMargins(QMarginsF(12, 10, 12, 10), QPageLayout.Unit.Millimeter)
    document(book).print_(writer)
    return bytes(content.data().data())


def document(book: KeyBook) -> QTextDocument:
    """The sheet as a document of one landscape page, which a printer scales to its paper.

    What does not fit on PAGE gets a larger one, and so smaller letters on paper.
    """
    paper, size = QTextDocument(), PAGE
    paper.setHtml(sheet_html(book))
    paper.setPageSize(size)
    while paper.pageCount() > 1:
        size *= PAGE_GROWS
        paper.setPageSize(size)
    return paper


class KeySheet(QDialog):
    """Shows the sheet in columns and follows the keys in force."""

    def __init__(self, parent: QWidget, book: KeyBook, bridge: JobBridge) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Keys")
        self.resize(1080, 720)
        self._book = book
        self._bridge = bridge
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._area, 1)
        layout.addLayout(self._make_buttons())
        book.changed.connect(self._fill)
        self._fill()

    def _make_buttons(self) -> QHBoxLayout:
        self.print_button = QPushButton("Print…")
        self.print_button.clicked.connect(self._print)
        self.save_button = QPushButton("Save as HTML or PDF…")
        self.save_button.clicked.connect(self._ask_file)
        close = QPushButton("Close")
        close.setProperty("role", "primary")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.setContentsMargins(24, 12, 24, 16)
        row.setSpacing(8)
        for button in (self.print_button, self.save_button):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(close)
        return row

    def _fill(self) -> None:
        columns = QHBoxLayout()
        columns.setSpacing(32)
        for groups in balanced(list(sheet(self._book).items())):
            column = QVBoxLayout()
            column.setSpacing(20)
            for name, rows in groups:
                column.addWidget(_group(name, rows))
            column.addStretch(1)
            columns.addLayout(column, 1)
        content = QWidget()
        content.setLayout(columns)
        columns.setContentsMargins(24, 24, 24, 24)
        self._area.setWidget(content)

    def _print(self) -> None:
        # Imported here: it loads the system's printing, which a start does not need.
        from PySide6.QtPrintSupport import QPrintDialog, QPrinter

        printer = QPrinter()
        printer.setPageOrientation(QPageLayout.Orientation.Landscape)
        dialog = QPrintDialog(printer, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: document(self._book).print_(dialog.printer()))
        dialog.setModal(True)
        dialog.show()

    def _ask_file(self) -> None:
        dialog = QFileDialog(self, "Save the sheet of keys")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(["PDF (*.pdf)", "Web page (*.html)"])
        dialog.setDefaultSuffix("pdf")
        dialog.selectFile("segstudio-keys.pdf")
        dialog.fileSelected.connect(lambda path: self.save(Path(path)))
        dialog.open()

    def save(self, path: Path) -> None:
        """Writes the sheet in a worker; a disk that refuses is told in the window."""
        content = sheet_file(self._book, path.name)
        self._bridge.start(f"Save {path.name}", lambda _: atomic_write(path, content))


def balanced(groups: list[Group]) -> list[list[Group]]:
    """Deals the groups out to columns in order, each column about equally long."""
    weights = [len(rows) + 2 for _, rows in groups]
    target = sum(weights) / COLUMNS
    columns: list[list[Group]] = [[] for _ in range(COLUMNS)]
    filled = 0.0
    for group, weight in zip(groups, weights, strict=True):
        columns[min(int((filled + weight / 2) / target), COLUMNS - 1)].append(group)
        filled += weight
    return columns


def _group(name: str, rows: list[tuple[str, str]]) -> QWidget:
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(6)
    column.addWidget(caption(name, "heading"))
    for keys, text in rows:
        told = ElidedLabel(text, Qt.TextElideMode.ElideRight)
        told.setProperty("role", "muted")
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(told, 1)
        row.addWidget(caption(keys, "key"))
        column.addLayout(row)
    return box
