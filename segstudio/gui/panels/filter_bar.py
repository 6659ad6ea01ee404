"""The paint filter on screen: the banner that stays while it is on, and the small window that sets it."""

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.class_state import ClassState
from segstudio.gui.correcting.paint_filter import NO_PREDICTION, PaintFilter
from segstudio.gui.dialogs.import_parts import CalmSpin
from segstudio.gui.icons import Icons
from segstudio.gui.keys.key_book import KeyBook
from segstudio.gui.panels.parts import ElidedLabel, caption, icon_button

ROWS_SHOWN = 8
USUAL_LIMIT = 60


class FilterBanner(QWidget):
    """Says that not every pixel can be painted, and why; one click lifts the filter."""

    asked = Signal()

    def __init__(self, paint_filter: PaintFilter, classes: ClassState, icons: Icons) -> None:
        super().__init__()
        self.setObjectName("messageBar")
        self.setProperty("level", "warning")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._filter, self._classes = paint_filter, classes
        self._predicted = False
        sign = icon_button(icons, "funnel", "Paint filter", role="warning")
        sign.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        sign.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.text = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.change, self.off = QPushButton("Change…"), QPushButton("Off")
        for button in (self.change, self.off):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        layout.setSpacing(8)
        layout.addWidget(sign)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.change)
        layout.addWidget(self.off)
        self.change.clicked.connect(self.asked)
        self.off.clicked.connect(lambda: paint_filter.set_on(False))
        paint_filter.changed.connect(self._follow)
        self._follow()

    def show_keys(self, keys: KeyBook) -> None:
        """Names the key in force."""
        self.off.setText(keys.with_key("Off", "tool.filter"))

    def show_prediction(self, there: bool) -> None:
        """Says when a rule needs a prediction that is not there."""
        self._predicted = there
        self._follow()

    def _follow(self) -> None:
        rules = self._filter.in_force
        self.setVisible(not rules.is_empty)
        missing = f"; {NO_PREDICTION}" if rules.asks_model and not self._predicted else ""
        self.text.setText(rules.text(self._classes.name) + missing if not rules.is_empty else "")
        self.setAccessibleName(self.text.text())


class FilterRules(QFrame):
    """A small window below a button: which rules a pixel must fulfil to be painted."""

    def __init__(self, paint_filter: PaintFilter, classes: ClassState, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("popover")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName("Paint filter")
        self._filter, self._active = paint_filter, classes.active
        rules = paint_filter.rules
        self.over = QCheckBox("Over these classes")
        self.over.setChecked(bool(rules.over))
        self.classes = self._class_list(classes, rules.over)
        self.under_start = QCheckBox("Over the class where the stroke begins")
        self.under_start.setChecked(rules.under_start)
        self.unsure = QCheckBox("Where the model is less sure than")
        self.unsure.setChecked(rules.unsure is not None)
        self.limit = CalmSpin()
        self.limit.setRange(1, 100)
        self.limit.setSuffix(" %")
        self.limit.setAccessibleName("Confidence limit")
        self.limit.setValue(rules.unsure or USUAL_LIMIT)
        self.differing = QCheckBox("Where mask and prediction differ")
        self.differing.setChecked(rules.differing)
        self._lay_out()
        self._connect()

    def _class_list(self, classes: ClassState, chosen: frozenset[int]) -> QListWidget:
        found = QListWidget()
        found.setObjectName("choices")
        found.setAccessibleName("Classes that may be painted over")
        ignore = classes.palette.ignore_id if classes.palette is not None else 255
        rows: Sequence[tuple[int, str]] = [
            (ignore, classes.name(ignore)),
            *((entry.id, entry.name) for entry in classes.classes),
        ]
        for class_id, name in rows:
            row = QListWidgetItem(name, found)
            row.setData(Qt.ItemDataRole.UserRole, class_id)
            row.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            row.setCheckState(Qt.CheckState.Checked if class_id in chosen else Qt.CheckState.Unchecked)
        height = max(found.sizeHintForRow(0), 20)
        found.setFixedHeight(height * min(found.count(), ROWS_SHOWN) + 2 * found.frameWidth())
        return found

    def _lay_out(self) -> None:
        sure = QHBoxLayout()
        sure.addWidget(self.unsure, 1)
        sure.addWidget(self.limit)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(caption("Paint only", "heading"))
        layout.addWidget(self.over)
        layout.addWidget(self.classes)
        layout.addWidget(self.under_start)
        layout.addLayout(sure)
        layout.addWidget(self.differing)
        layout.addWidget(caption("A pixel must fulfil everything that is ticked.", "muted"))

    def _connect(self) -> None:
        self.classes.itemChanged.connect(lambda _: self._classes_ticked())
        self.limit.valueChanged.connect(lambda _: self.unsure.setChecked(True))
        self.over.toggled.connect(self._over_toggled)
        for box in (self.over, self.under_start, self.unsure, self.differing):
            box.toggled.connect(lambda _: self._apply())
        self.limit.valueChanged.connect(lambda _: self._apply())

    def _over_toggled(self, on: bool) -> None:
        """Without any class the rule would say nothing: it begins with the active one."""
        if on and not self.ticked:
            for row in range(self.classes.count()):
                if self.classes.item(row).data(Qt.ItemDataRole.UserRole) == self._active:
                    self.classes.item(row).setCheckState(Qt.CheckState.Checked)

    def _classes_ticked(self) -> None:
        self.over.setChecked(bool(self.ticked))
        self._apply()

    @property
    def ticked(self) -> frozenset[int]:
        """Classes that are ticked in the list."""
        rows = (self.classes.item(row) for row in range(self.classes.count()))
        return frozenset(
            row.data(Qt.ItemDataRole.UserRole) for row in rows if row.checkState() == Qt.CheckState.Checked
        )

    def _apply(self) -> None:
        self._filter.set_rules(
            over=self.ticked if self.over.isChecked() else frozenset(),
            under_start=self.under_start.isChecked(),
            unsure=self.limit.value() if self.unsure.isChecked() else None,
            differing=self.differing.isChecked(),
        )

    def show_below(self, widget: QWidget) -> None:
        """Opens under a widget, inside the screen."""
        self.adjustSize()
        place = widget.mapToGlobal(QPoint(widget.width() - self.width(), widget.height() + 4))
        screen = widget.screen().availableGeometry()
        left = min(max(place.x(), screen.left()), screen.right() - self.width())
        top = min(place.y(), screen.bottom() - self.height())
        self.move(left, top)
        self.show()
