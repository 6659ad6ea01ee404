"""Keys and layouts: choose a layout, find an action by words or by a key, and give it other keys."""

from dataclasses import replace

from PySide6.QtCore import QModelIndex, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.actions.action_spec import ActionSpec
from segstudio.gui.actions.table import ACTIONS
from segstudio.gui.dialogs.key_recorder import KeyRecorder
from segstudio.gui.dialogs.key_rows import KEYS, MENU, NAME, SOURCE, KeyRows
from segstudio.gui.dialogs.key_setter import KeySetter
from segstudio.gui.icons import Icons
from segstudio.gui.keys.key_book import KeyBook
from segstudio.gui.keys.key_layouts import LAYOUTS
from segstudio.gui.keys.key_map import KeyMap
from segstudio.gui.panels.parts import EmptyState, caption, icon_button

SIZE = QSize(860, 680)
ROW_HEIGHT = 28
WIDTHS = {NAME: 300, KEYS: 230, SOURCE: 90}
NOTHING = "No action has these words."


class KeyLayoutsDialog(QDialog):
    """Every change is in force at once; `sheet_asked` asks for the sheet of keys."""

    sheet_asked = Signal()

    def __init__(self, parent: QWidget, book: KeyBook, icons: Icons) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Keys and layouts")
        self.resize(SIZE)
        self._book = book
        self._icons = icons
        self._key = ""
        self.setter = KeySetter(book)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(12)
        layout.addLayout(self._make_choice())
        layout.addLayout(self._make_search())
        layout.addWidget(self._make_table(), 1)
        self._empty = EmptyState(NOTHING)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self.setter)
        layout.addLayout(self._make_buttons())
        book.changed.connect(self._follow)
        self._find()
        self._follow()
        self.search.setFocus()

    # -- making -------------------------------------------------------------------------------------------

    def _make_choice(self) -> QHBoxLayout:
        self.layouts = QComboBox()
        self.layouts.setAccessibleName("Layout")
        for name in LAYOUTS:
            self.layouts.addItem(name, name)
        self.layouts.setMinimumWidth(140)
        self.layouts.activated.connect(lambda _: self._choose(str(self.layouts.currentData())))
        self._about = caption("", "muted")
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(caption("Layout", "heading"))
        row.addWidget(self.layouts)
        row.addWidget(self._about, 1)
        return row

    def _make_search(self) -> QHBoxLayout:
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find an action by its name, menu or key")
        self.search.setAccessibleName("Find an action")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(lambda _: self._find())
        self.by_key = KeyRecorder("Press a key to see who has it")
        self.by_key.recorded.connect(self._find_key)
        self.by_key.escaped.connect(self.search.setFocus)
        # It would keep the key that leads on; the field beside it finds keys by their names.
        self.by_key.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.clear = icon_button(self._icons, "x", "Show all actions")
        self.clear.clicked.connect(lambda: self._find_key(""))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.search, 3)
        row.addWidget(self.by_key, 2)
        row.addWidget(self.clear)
        return row

    def _make_table(self) -> QTableView:
        self.rows = KeyRows(self._book)
        self.table = QTableView()
        self.table.setObjectName("figures")
        self.table.setAccessibleName("Actions and their keys")
        self.table.setModel(self.rows)
        self.table.setShowGrid(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        for column, width in WIDTHS.items():
            self.table.setColumnWidth(column, width)
        header.setSectionResizeMode(MENU, QHeaderView.ResizeMode.Stretch)
        self.table.selectionModel().currentRowChanged.connect(self._chosen)
        self.table.activated.connect(lambda _: self.setter.change())
        self.table.doubleClicked.connect(lambda _: self.setter.change())
        return self.table

    def _make_buttons(self) -> QHBoxLayout:
        sheet = QPushButton("Sheet of keys…")
        sheet.clicked.connect(self.sheet_asked)
        self.reset_all = QPushButton("Reset all keys")
        self.reset_all.setToolTip("Every action has the layout's keys again")
        self.reset_all.clicked.connect(lambda: self._book.use(KeyMap(self._book.map.layout)))
        close = QPushButton("Close")
        close.setProperty("role", "primary")
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(sheet)
        row.addWidget(self.reset_all)
        row.addStretch(1)
        row.addWidget(close)
        for button in (sheet, self.reset_all, close):
            button.setAutoDefault(False)
        return row

    # -- finding ------------------------------------------------------------------------------------------

    def _choose(self, name: str) -> None:
        self._book.use(replace(self._book.map, layout=name))

    def _find_key(self, key: str) -> None:
        self._key = key
        self.by_key.setText(key)
        self._find()

    def _find(self) -> None:
        spec = self.setter.spec
        self.rows.find(self.search.text(), self._key)
        found = self.rows.rows
        self.clear.setEnabled(bool(self._key))
        self.table.setVisible(bool(found))
        self._empty.setVisible(not found)
        self._empty.set_text(f"No action has {self._key}." if self._key and not found else NOTHING)
        if found:
            self.table.selectRow(found.index(spec) if spec in found else 0)
        self.setter.show_action(found[self.table.currentIndex().row()] if found else None)

    def show_action(self, spec: ActionSpec) -> None:
        """Chooses an action in the list of all."""
        self.search.clear()
        self._find_key("")
        self.table.selectRow(ACTIONS.index(spec))
        self.table.scrollTo(self.table.currentIndex(), QAbstractItemView.ScrollHint.PositionAtCenter)

    def _chosen(self, index: QModelIndex) -> None:
        if index.isValid():
            self.setter.show_action(self.rows.rows[index.row()])

    def _follow(self) -> None:
        key_map = self._book.map
        self.layouts.setCurrentIndex(self.layouts.findData(key_map.layout))
        own = len(key_map.own)
        count = "" if not own else f"  ·  {own} {'action has' if own == 1 else 'actions have'} keys of yours"
        self._about.setText(LAYOUTS[key_map.layout].about + count)
        self.reset_all.setEnabled(bool(own))
