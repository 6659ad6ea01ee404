"""What was said about the open sample, the open comments first, and a line to say more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QStackedLayout,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.icons import Icons
from segstudio.gui.panels.parts import EmptyState, RowList, icon_button
from segstudio.gui.samples.sample_versions import clock
from segstudio.gui.theme import ThemeSwitch
from segstudio.project.review_records import Comment

TOP = QModelIndex()
ENTRY = Qt.ItemDataRole.UserRole + 1
ROW_HEIGHT, DISC = 44, 18
EMPTY_TEXT = "Point at a place and press {review.comment} to say something about it."
SAY, REPLY, EDIT = "Comment…", "Reply to {}", "Edit comment {}"
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Entry:
    """A comment with the number of its place and the name of its class, "" for none."""

    comment: Comment
    number: int
    class_name: str = ""

    @property
    def about(self) -> str:
        """Who, when and about what, on one line."""
        parts = (self.comment.author, clock(self.comment.when), self.class_name)
        return "  ·  ".join(part for part in parts if part)


def entries(comments: Sequence[Comment], name: Callable[[int], str]) -> list[Entry]:
    """Comments as they are listed, the open ones first; those of one place share a number, from 1 on."""
    places: dict[tuple[float, float], int] = {}
    found = []
    for comment in comments:
        place = (comment.x, comment.y) if comment.has_pin else (-1.0, -1.0)
        number = places.setdefault(place, len(places) + 1)
        found.append(Entry(comment, number, name(comment.class_id) if comment.class_id >= 0 else ""))
    return sorted(found, key=lambda entry: entry.comment.resolved)


class CommentModel(QAbstractListModel):
    """Entries by row."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []

    def set_entries(self, shown: Sequence[Entry]) -> None:
        """Lists others."""
        self.beginResetModel()
        self.entries = list(shown)
        self.endResetModel()

    def rowCount(self, parent: Index = TOP) -> int:
        """How many there are."""
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """What a row says."""
        entry = self.entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.comment.text
        if role == ENTRY:
            return entry
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            state = "resolved" if entry.comment.resolved else "open"
            return f"{entry.comment.text}\n{entry.about}, {state}"
        return None


class CommentDelegate(QStyledItemDelegate):
    """Paints the number of the place, what is said, and who said it."""

    def __init__(self, themes: ThemeSwitch, parent: QWidget) -> None:
        super().__init__(parent)
        self._themes = themes

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """All rows are equally high."""
        return QSize(160, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draws one row."""
        entry = index.data(ENTRY)
        theme = self._themes.current
        done = entry.comment.resolved
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("selection" if chosen else "hover"))
            painter.drawRoundedRect(QRectF(option.rect).adjusted(4, 1, -4, -1), 6, 6)
        area = QRect(option.rect).adjusted(12, 4, -12, -4)
        disc = QRectF(area.left(), area.top() + 1, DISC, DISC)
        painter.setPen(theme.colour("edge" if done else "warning"))
        painter.setBrush(theme.colour("hover" if done else "warning-back"))
        painter.drawEllipse(disc.adjusted(0.5, 0.5, -0.5, -0.5))
        small = QFont(option.font)
        small.setPixelSize(max(round(option.font.pixelSize() * 0.85), 9))
        painter.setFont(small)
        painter.setPen(theme.colour("muted" if done else "text"))
        painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, str(entry.number))
        words = area.adjusted(DISC + 8, 0, 0, 0)
        half = words.height() // 2
        upper = QRect(words.left(), words.top(), words.width(), half)
        lower = QRect(words.left(), words.top() + half, words.width(), words.height() - half)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        about = f"{entry.about}  ·  resolved" if done else entry.about
        painter.setPen(theme.colour("muted"))
        cut = painter.fontMetrics().elidedText(about, Qt.TextElideMode.ElideRight, lower.width())
        painter.drawText(lower, left, cut)
        painter.setFont(option.font)
        painter.setPen(theme.colour("muted" if done else "text"))
        text = entry.comment.text
        cut = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, upper.width())
        painter.drawText(upper, left, cut)
        painter.restore()


class SayLine(QLineEdit):
    """One line to write in; Esc lets go."""

    left = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc lets go."""
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)


class CommentList(QWidget):
    """`said` carries a text and the comment that it answers (or None), `edited` a comment's id and new text.

    `chosen` carries the comment whose row was chosen, `resolved` one with whether it is, `deleted` an id.
    """

    chosen = Signal(object)
    said = Signal(str, object)
    edited = Signal(int, str)
    resolved = Signal(int, bool)
    deleted = Signal(int)
    finished = Signal()

    def __init__(self, themes: ThemeSwitch, icons: Icons) -> None:
        super().__init__()
        self.model = CommentModel()
        self.view = RowList("Comments on this sample")
        self.view.setModel(self.model)
        self.view.setItemDelegate(CommentDelegate(themes, self.view))
        self.field = SayLine()
        self._editing: int | None = None
        self.check = icon_button(icons, "check", "Resolve this comment, or open it again")
        self.pencil = icon_button(icons, "pencil-simple", "Edit this comment")
        self.bin = icon_button(icons, "trash", "Delete this comment")
        self._empty = EmptyState()
        inner = self._empty.layout()
        if inner is not None:
            inner.setContentsMargins(12, 4, 12, 4)
        self._stack = QStackedLayout()
        for page in (self._empty, self.view):
            self._stack.addWidget(page)
        foot = QHBoxLayout()
        foot.setContentsMargins(12, 4, 8, 4)
        foot.setSpacing(0)
        foot.addWidget(self.field, 1)
        foot.addSpacing(4)
        for button in (self.check, self.pencil, self.bin):
            foot.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._stack, 1)
        layout.addLayout(foot)
        self._connect()
        self._follow()

    def _connect(self) -> None:
        self.view.clicked.connect(self._clicked)
        self.view.activated.connect(self._clicked)
        self.view.selectionModel().currentChanged.connect(lambda *_: self._follow())
        self.field.returnPressed.connect(self._send)
        self.field.left.connect(self._let_go)
        self.check.clicked.connect(self._check)
        self.pencil.clicked.connect(self._edit)
        self.bin.clicked.connect(self._delete)

    @property
    def current(self) -> Entry | None:
        """The entry whose row is chosen."""
        index = self.view.currentIndex()
        return self.model.entries[index.row()] if index.isValid() else None

    def show_empty_text(self, text: str) -> None:
        """What is said where there are no comments."""
        self._empty.set_text(text)

    def show_entries(self, shown: Sequence[Entry]) -> None:
        """Lists comments; the one that was chosen stays so."""
        before = self.current.comment.id if self.current is not None else None
        if list(shown) != self.model.entries:
            self.model.set_entries(shown)
            self.choose(before)
        self._stack.setCurrentIndex(1 if shown else 0)
        self._follow()

    def choose(self, comment_id: int | None) -> None:
        """Chooses a comment's row, or none."""
        rows = [row for row, entry in enumerate(self.model.entries) if entry.comment.id == comment_id]
        self.view.setCurrentIndex(self.model.index(rows[0]) if rows else QModelIndex())
        if rows:
            self.view.scrollTo(self.model.index(rows[0]))
        self._follow()

    def _follow(self) -> None:
        entry = self.current
        for button in (self.check, self.pencil, self.bin):
            button.setEnabled(entry is not None)
        if entry is None or self._editing != entry.comment.id:
            if self._editing is not None:
                self.field.clear()
            self._editing = None
        form = EDIT if self._editing is not None else REPLY
        prompt = form.format(entry.number) if entry is not None else SAY
        self.field.setPlaceholderText(prompt)
        self.field.setAccessibleName(prompt if entry is not None else "Comment on this sample")

    def _clicked(self, index: QModelIndex) -> None:
        self.chosen.emit(self.model.entries[index.row()].comment)

    def _check(self) -> None:
        if self.current is not None:
            self.resolved.emit(self.current.comment.id, not self.current.comment.resolved)

    def _delete(self) -> None:
        if self.current is not None:
            self.deleted.emit(self.current.comment.id)

    def _edit(self) -> None:
        if self.current is not None:
            self._editing = self.current.comment.id
            self._follow()
            self.field.setText(self.current.comment.text)
            self.field.setFocus()

    def _send(self) -> None:
        text = self.field.text().strip()
        if not text:
            return
        editing, current = self._editing, self.current
        self._editing = None
        self.field.clear()
        if editing is not None:
            self.edited.emit(editing, text)
        else:
            self.said.emit(text, current.comment if current is not None else None)
        self._follow()
        self.finished.emit()

    def _let_go(self) -> None:
        """Esc ends an edit, then the choice of a comment, then gives the keyboard back."""
        self.field.clear()
        if self._editing is None:
            self.view.setCurrentIndex(QModelIndex())
            self.finished.emit()
        self._editing = None
        self._follow()
