"""The keys of one action: shown, recorded, taken over, removed and reset."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from segstudio.gui.actions.action_spec import ActionSpec, pretty_key
from segstudio.gui.actions.table import BY_ID
from segstudio.gui.dialogs.key_recorder import KeyRecorder
from segstudio.gui.dialogs.key_rows import place
from segstudio.gui.keys.key_book import KeyBook, plain_text
from segstudio.gui.keys.key_map import Keys, distinct, refusal
from segstudio.gui.panels.parts import ElidedLabel, caption

PROMPT = "Press the key…   (Esc leaves)"


class KeySetter(QWidget):
    """Works on one action at a time; what it changes is in force at once."""

    def __init__(self, book: KeyBook) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._book = book
        self._adding = False
        self._wanted = ""
        self.spec: ActionSpec | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(self._make_facts())
        layout.addLayout(self._make_buttons())
        layout.addLayout(self._make_answer())
        book.changed.connect(self._follow)
        self.show_action(None)

    def _make_facts(self) -> QHBoxLayout:
        self._name = caption("", "heading")
        self._hint = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._hint.setProperty("role", "muted")
        self._chips = QHBoxLayout()
        self._chips.setSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self._name)
        row.addWidget(self._hint, 1)
        row.addLayout(self._chips)
        return row

    def _make_buttons(self) -> QHBoxLayout:
        self.change_button = self._button("Change key…", "The new key replaces the ones it has")
        self.change_button.clicked.connect(self.change)
        self.add_button = self._button("Add key…", "The new key comes to the ones it has")
        self.add_button.clicked.connect(self.add)
        self.remove_button = self._button("No key", "It stays in menus and the command palette")
        self.remove_button.clicked.connect(lambda: self._give(()))
        self.reset_button = self._button("Reset", "The layout's keys")
        self.reset_button.clicked.connect(self._reset)
        self.recorder = KeyRecorder(PROMPT)
        self.recorder.recorded.connect(self._recorded)
        self.recorder.escaped.connect(self._back_to_button)
        self.recorder.left.connect(self._stop)
        row = QHBoxLayout()
        row.setSpacing(8)
        for widget in (self.change_button, self.add_button):
            row.addWidget(widget)
        row.addWidget(self.recorder, 1)
        row.addStretch(0)
        row.addWidget(self.remove_button)
        row.addWidget(self.reset_button)
        return row

    def _make_answer(self) -> QHBoxLayout:
        self.answer = caption("", wrap=True)
        self.take_button = self._button("Take it over", "The other action keeps its further keys")
        self.take_button.clicked.connect(self._take_over)
        self.cancel_button = self._button("Cancel", "Everything stays as it is")
        self.cancel_button.clicked.connect(lambda: self._say(""))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.answer, 1)
        row.addWidget(self.take_button)
        row.addWidget(self.cancel_button)
        return row

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setAutoDefault(False)
        return button

    # -- one action ---------------------------------------------------------------------------------------

    def show_action(self, spec: ActionSpec | None) -> None:
        """Works on another action; None on none."""
        self.spec = spec
        self._stop()
        self._say("")
        self._follow()

    def _follow(self) -> None:
        spec = self.spec
        self.setVisible(spec is not None)
        while (chip := self._chips.takeAt(0)) is not None:
            widget = chip.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        if spec is None:
            return
        keys = self._book.keys(spec.id)
        self._name.setText(plain_text(spec))
        self._hint.setText(self._book.fill(spec.hint) or place(spec))
        for key in distinct(keys):
            self._chips.addWidget(caption(pretty_key(key), "key"))
        if not keys:
            self._chips.addWidget(caption("no key", "muted"))
        self.remove_button.setEnabled(bool(keys))
        self.reset_button.setEnabled(self._book.map.is_changed(spec.id))

    # -- recording ----------------------------------------------------------------------------------------

    def change(self) -> None:
        """Records a key that replaces those that the action has."""
        self._record(adding=False)

    def add(self) -> None:
        """Records one more key."""
        self._record(adding=True)

    def _record(self, *, adding: bool) -> None:
        self._adding = adding
        self._say("")
        self.recorder.show()
        self.recorder.setFocus()

    def _stop(self) -> None:
        self.recorder.hide()

    def _recorded(self, key: str) -> None:
        spec = self.spec
        if spec is None:
            return
        self._back_to_button()
        if reason := refusal(spec, key):
            self._say(f"{reason}.", "danger")
            return
        owner = self._book.map.owner(key)
        if owner is not None and owner != spec.id:
            self._wanted = key
            other = BY_ID[owner]
            self._say(f"{pretty_key(key)} belongs to “{plain_text(other)}” ({place(other)}).", asks=True)
            self.take_button.setFocus()
            return
        self._give_recorded(key)

    def _back_to_button(self) -> None:
        (self.add_button if self._adding else self.change_button).setFocus()

    def _take_over(self) -> None:
        key = self._wanted
        self._say("")
        self._give_recorded(key)
        self._back_to_button()

    def _give_recorded(self, key: str) -> None:
        if self.spec is not None:
            have = self._book.keys(self.spec.id) if self._adding else ()
            self._give((*(own for own in have if own != key), key))

    def _give(self, keys: Keys) -> None:
        if self.spec is not None:
            self._say("")
            self._book.use(self._book.map.with_keys(self.spec.id, keys))

    def _reset(self) -> None:
        if self.spec is not None:
            self._say("")
            self._book.use(self._book.map.without(self.spec.id))

    def _say(self, text: str, role: str = "", *, asks: bool = False) -> None:
        self.answer.setProperty("role", role)
        _restyle(self.answer)
        self.answer.setText(text)
        self.answer.setVisible(bool(text))
        self.take_button.setVisible(asks)
        self.cancel_button.setVisible(asks)


def _restyle(label: QLabel) -> None:
    label.style().unpolish(label)
    label.style().polish(label)
