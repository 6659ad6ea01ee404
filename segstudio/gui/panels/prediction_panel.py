"""What the model says: which model, its answer for this sample, and what to take over from it."""

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.icons import Icons
from segstudio.gui.keys.key_book import KeyBook
from segstudio.gui.panels.parts import ElidedLabel, Section, caption


@dataclass(frozen=True)
class PredictionFacts:
    """What the panel shows of the open sample's prediction; fractions are 0-1."""

    model: str
    confidence: float
    agreement: float | None


class PredictionPanel(Section):
    """Model choice, predict buttons, and the ways to accept. `asked` carries an action's id."""

    asked = Signal(str)
    model_chosen = Signal(str)

    def __init__(self, icons: Icons) -> None:
        super().__init__("Prediction")
        self._icons = icons
        self.model = QComboBox()
        self.model.setAccessibleName("Model")
        self.model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.model.setMinimumContentsLength(8)
        self.model.activated.connect(lambda _: self.model_chosen.emit(self.model.currentData()))
        self.facts = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.facts.setProperty("role", "small")
        self.buttons: dict[str, QPushButton] = {}
        self._stack = QStackedLayout()
        self._stack.addWidget(self._make_empty())
        self._stack.addWidget(self._make_choices())
        self.body.addLayout(self._stack)
        self.show_models({}, "")

    def _make_empty(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(
            caption(
                "No model is here yet. Import one to have masks proposed: weights of TAO, NVlabs,"
                " mmsegmentation or Hugging Face, an ONNX file, or a model folder.",
                "muted",
                wrap=True,
            )
        )
        layout.addWidget(self._button("model.import_model", "Import a model…"), 0, Qt.AlignmentFlag.AlignLeft)
        layout.addStretch(1)
        return page

    def _make_choices(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.model)
        predict = QHBoxLayout()
        predict.setSpacing(8)
        predict.addWidget(self._button("model.predict", "Predict this", primary=True), 1)
        predict.addWidget(self._button("model.predict_all", "Predict all"), 1)
        layout.addLayout(predict)
        layout.addWidget(self.facts)
        accept = QGridLayout()
        accept.setSpacing(8)
        accept.addWidget(self._button("model.accept", "Accept all"), 0, 0)
        accept.addWidget(self._button("model.accept_class", "Accept class"), 0, 1)
        accept.addWidget(self._button("model.fill", "Fill unlabelled"), 1, 0)
        accept.addWidget(self._button("tool.accept_region", "By region"), 1, 1)
        layout.addLayout(accept)
        return page

    def _button(self, action_id: str, text: str, *, primary: bool = False) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("role", "primary" if primary else "")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: self.asked.emit(action_id))
        self.buttons[action_id] = button
        return button

    def show_keys(self, keys: KeyBook) -> None:
        """Names the keys in force."""
        for action_id, button in self.buttons.items():
            button.setToolTip(keys.tip(action_id))

    def show_models(self, models: dict[str, str], current: str) -> None:
        """Offers models: name to tooltip; an empty dict shows how to get one."""
        self._stack.setCurrentIndex(1 if models else 0)
        self.model.clear()
        for name, tip in models.items():
            self.model.addItem(name, name)
            self.model.setItemData(self.model.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.model.setCurrentIndex(self.model.findData(current))

    def show_enabled(self, enabled: dict[str, bool]) -> None:
        """Enables the buttons whose actions are of use now."""
        for action_id, button in self.buttons.items():
            button.setEnabled(enabled.get(action_id, True))

    def show_facts(self, facts: PredictionFacts | None) -> None:
        """Says what the open sample's prediction is worth."""
        if facts is None:
            self.facts.setText("No prediction for this sample")
            return
        text = f"{facts.model}  ·  {facts.confidence * 100:.0f} % sure"
        if facts.agreement is not None:
            text += f"  ·  {facts.agreement * 100:.1f} % equal"
        self.facts.setText(text)
