"""What is listed and in which order: a query, a status, an order, and the queries that are saved."""

import random
import textwrap
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QHBoxLayout,
    QInputDialog,
    QLineEdit,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.class_state import ClassState
from segstudio.gui.icons import Icons
from segstudio.gui.panels.parts import ElidedLabel, icon_button
from segstudio.gui.samples.sample_book import NEEDS_WORK, STATUS_TEXT, Listing
from segstudio.gui.samples.sample_lister import SampleLister, full_query
from segstudio.project.sample_orders import CLASS, GAIN, NAME, RANDOM, Order

TYPING_PAUSE_MS = 120
ALL = "All"
TO_DO = "Needs work"
SEARCH_WIDTH = 84
BOX_WIDTH = 72
WIDE_SEARCH, WIDE_BOX = 400, 150
PLACEHOLDER = "Name or class=train conf<0.6"
SEARCH_TIP = """Parts of names, and conditions that must all hold:
class=train|bus  mask_class=  predicted_class=  status=  split=  folder=  assignee=  note=
conf<0.6  margin<  unsure>  differing>  suspect>  iou<  quality<  comments>0  width>  height>
!= turns a condition round"""
# What each order is called in a narrow bar and in a wide one, and what it puts first.
ORDER_TEXT = {
    NAME: ("Name", "By name", "In the natural order of the names"),
    GAIN: (
        "Gain",
        "Expected gain",
        "Doubtful samples with classes that are missing first; one in ten is drawn at random",
    ),
    "uncertain": ("Uncertain", "Most uncertain", "Smallest lead of the best class first"),
    "quality": ("Quality", "Lowest quality", "Worst predicted quality first"),
    "differing": ("Differing", "Most differing", "Mask and prediction differ most"),
    "suspect": ("Suspect", "Mask in doubt", "Masks that the model contradicts with good reason first"),
    "iou": ("IoU", "Lowest IoU", "Worst score of the chosen model first"),
    "recent": ("Recent", "Last changed", "Changed last first"),
    CLASS: ("Most", "Most", "Largest share of the active class first"),
    RANDOM: ("Random", "Random", "Another order each time it is chosen"),
}
# A bar that is narrower than this, in pixels, has its two lists below each other.
NARROW = 216
TIP_LETTERS = 90


class QueueBar(QWidget):
    """Follows the lister and asks it; several bars show the same. `entered` is Enter in the query."""

    entered = Signal()

    def __init__(self, lister: SampleLister, classes: ClassState, icons: Icons, *, wide: bool) -> None:
        super().__init__()
        self._lister = lister
        self._classes = classes
        self._make_search(wide)
        self._make_status()
        self._make_order(wide)
        self.saved = self._make_saved(icons)
        self.trouble = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.trouble.setProperty("role", "danger")
        self.trouble.setAccessibleName("What is wrong with the query")
        self._lay_out(wide)
        lister.trouble_changed.connect(self._show_trouble)
        lister.filters_changed.connect(self._fill_saved)
        lister.book.wanted_changed.connect(self._follow)
        classes.active_changed.connect(lambda _: self._name_class())
        self._follow()
        self._fill_saved()
        self._show_trouble()

    def _make_search(self, wide: bool) -> None:
        self.search = QLineEdit()
        self.search.setPlaceholderText(PLACEHOLDER if wide else "Filter")
        self.search.setAccessibleName("Filter samples by name or condition")
        self.search.setToolTip(SEARCH_TIP)
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(SEARCH_WIDTH)
        if wide:
            self.search.setMaximumWidth(WIDE_SEARCH)
        self._pause = QTimer(self, interval=TYPING_PAUSE_MS, singleShot=True)
        self._pause.timeout.connect(self._ask)
        self.search.textEdited.connect(lambda _: self._pause.start())
        # The button that clears it edits without typing.
        self.search.textChanged.connect(lambda text: None if text else self._pause.start())
        self.search.returnPressed.connect(self._enter)

    def _make_status(self) -> None:
        self.status = _box("Filter samples by status")
        self.status.addItem(ALL, frozenset())
        self.status.addItem(TO_DO, NEEDS_WORK)
        self.status.insertSeparator(2)
        for status, text in STATUS_TEXT.items():
            self.status.addItem(text, frozenset({status}))
        self.status.setMaxVisibleItems(12)
        self.status.currentIndexChanged.connect(lambda _: self._ask())

    def _make_order(self, wide: bool) -> None:
        self.order = _box("Order of the samples")
        for kind, (short, long, tip) in ORDER_TEXT.items():
            self.order.addItem(long if wide else short, kind)
            self.order.setItemData(self.order.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.order.setMaxVisibleItems(len(ORDER_TEXT))
        # Also when the same one is chosen again: another draw, another class.
        self.order.activated.connect(self._choose_order)

    def _make_saved(self, icons: Icons) -> QToolButton:
        button = icon_button(icons, "bookmark-simple", "Saved filters")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._fill_saved)
        button.setMenu(menu)
        return button

    def _lay_out(self, wide: bool) -> None:
        upper = QHBoxLayout()
        upper.setSpacing(8)
        upper.addWidget(self.search, 3)
        upper.addWidget(self.saved)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(upper)
        self._boxes = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._boxes.setSpacing(8 if wide else 6)
        if wide:
            upper.addLayout(self._boxes)
            upper.addWidget(self.trouble, 2)
            upper.addStretch(0)
        else:
            layout.addWidget(self.trouble)
            layout.addLayout(self._boxes)
        for box in (self.status, self.order):
            self._boxes.addWidget(box, 0 if wide else 1)
            if wide:
                box.setFixedWidth(WIDE_BOX)
        self._is_wide = wide

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Puts the lists where they can be read."""
        super().resizeEvent(event)
        below = not self._is_wide and event.size().width() < NARROW
        direction = QBoxLayout.Direction.TopToBottom if below else QBoxLayout.Direction.LeftToRight
        if self._boxes.direction() != direction:
            self._boxes.setDirection(direction)

    def take_keyboard(self) -> None:
        """Lets the user type a query."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    # -- asking -------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        self._pause.stop()
        wanted = self._lister.wanted
        self._lister.ask(Listing(self.search.text(), self.status.currentData() or frozenset(), wanted.order))

    def _enter(self) -> None:
        self._ask()
        self._lister.when_listed(self.entered.emit)

    def _choose_order(self, place: int) -> None:
        kind = str(self.order.itemData(place))
        seed = random.randrange(1 << 31) if kind == RANDOM else 0
        class_id = self._classes.active if kind == CLASS else 0
        wanted = self._lister.wanted
        self._lister.ask(Listing(wanted.query, wanted.statuses, Order(kind, class_id, seed)))

    # -- following ----------------------------------------------------------------------------------------

    def _follow(self) -> None:
        wanted = self._lister.wanted
        boxes = (self.search, self.status, self.order)
        before = [box.blockSignals(True) for box in boxes]
        if self.search.text() != wanted.query:
            self.search.setText(wanted.query)
        places = [self.status.itemData(place) for place in range(self.status.count())]
        self.status.setCurrentIndex(places.index(wanted.statuses) if wanted.statuses in places else 0)
        self.order.setCurrentIndex(list(ORDER_TEXT).index(wanted.order.kind))
        for box, blocked in zip(boxes, before, strict=True):
            box.blockSignals(blocked)
        self._name_class()

    def _name_class(self) -> None:
        """Names the class of the order by it, or the one that it would be by."""
        if not self._classes.classes:
            return
        order = self._lister.wanted.order
        class_id = order.class_id if order.kind == CLASS else self._classes.active
        self.order.setItemText(list(ORDER_TEXT).index(CLASS), f"Most {self._classes.name(class_id)}")

    def _show_trouble(self) -> None:
        error = self._lister.trouble
        self.trouble.setText(error.message if error is not None else "")
        self.trouble.setVisible(error is not None)
        tip = SEARCH_TIP
        if error is not None:
            # A hint may name 150 classes.
            tip = "\n".join(textwrap.fill(part, TIP_LETTERS) for part in (error.message, error.hint) if part)
        self.search.setToolTip(tip)

    # -- saved queries ------------------------------------------------------------------------------------

    def _fill_saved(self) -> None:
        menu = self.saved.menu()
        menu.clear()
        for name, query in self._lister.filters.items():
            entry = menu.addAction(name, partial(self._use, query))
            entry.setToolTip(query)
        if self._lister.filters:
            menu.addSeparator()
        menu.addAction("Save this filter…", self.ask_name).setEnabled(bool(full_query(self._lister.wanted)))
        if self._lister.filters:
            forget = menu.addMenu("Delete")
            for name in self._lister.filters:
                forget.addAction(name, partial(self._lister.delete_filter, name))

    def _use(self, query: str) -> None:
        self._lister.ask(Listing(query, frozenset(), self._lister.wanted.order))

    def ask_name(self) -> QInputDialog:
        """Asks what the present filter is to be called, and saves it."""
        dialog = QInputDialog(self)
        dialog.setWindowTitle("Save filter")
        dialog.setLabelText(f"Name of the filter\n{full_query(self._lister.wanted)}")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.textValueSelected.connect(self._save)
        dialog.open()
        return dialog

    def _save(self, name: str) -> None:
        if name.strip():
            self._lister.save_filter(name.strip())


def _box(name: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    # The panel decides how wide it is: the editor must fit a screen of 1280 pixels.
    box.setMinimumWidth(BOX_WIDTH)
    box.setMinimumContentsLength(6)
    return box
