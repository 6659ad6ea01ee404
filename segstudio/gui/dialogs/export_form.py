"""What a model is exported to, where to, and what the result is judged by: the first page of the wizard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from segstudio.gui.dialogs.export_advanced import AdvancedRows
from segstudio.gui.dialogs.export_facts import model_lacks
from segstudio.gui.dialogs.export_parts import FolderField, HidingRows, PresetCard, TickRow
from segstudio.gui.dialogs.export_pictures import PicturesForm
from segstudio.gui.dialogs.import_parts import CalmCombo, say
from segstudio.gui.icons import Icons
from segstudio.gui.models.model_exports import ExportOrder, ProjectSamples
from segstudio.gui.panels.parts import caption
from segstudio.inference.catalog import ModelEntry
from segstudio.workflows.exports.formats import FORMATS, PRESETS

FIRST_PRESET = "fast-cpu"

ENDING = "-export"


@dataclass(frozen=True)
class Surroundings:
    """What the form starts from.

    Attributes:
        place: where the export's folder is proposed.
        project: the open project's samples; None without one.
        model: the name of the model in use.
    """

    place: Path
    project: ProjectSamples | None
    model: str


class ExportForm(QWidget):
    """All choices of an export; `changed` follows every one of them."""

    changed = Signal()

    def __init__(self, around: Surroundings, icons: Icons) -> None:
        super().__init__()
        self._around = around
        self._models: dict[str, ModelEntry] = {}
        self._machine: Mapping[str, str] | None = None
        self._lacks: dict[str, str] = {}
        self._wanted = set(PRESETS[FIRST_PRESET].formats)
        self._own_folder = False
        self.pictures = PicturesForm(around.project)
        self.advanced = AdvancedRows(icons)
        self._lay_out()
        self.pictures.changed.connect(self._refresh)
        self.advanced.changed.connect(self._refresh)
        self.out.edited.connect(self._folder_edited)
        self.show_models(())

    # -- making -------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(self._make_head())
        both = QHBoxLayout()
        both.setSpacing(24)
        both.addLayout(self._make_presets(), 2)
        both.addLayout(self._make_formats(), 5)
        layout.addLayout(both)
        layout.addWidget(self.pictures)
        layout.addWidget(self.advanced)
        layout.addStretch(1)

    def _make_head(self) -> HidingRows:
        self.models = CalmCombo()
        self.models.activated.connect(lambda _: self._model_chosen())
        self.out = FolderField("Folder of the export", "Where the formats go, each into a folder of its own")
        rows = HidingRows()
        rows.add("Model", self.models)
        self._model_remark = rows.add_remark()
        rows.add("Into", self.out)
        return rows

    def _make_presets(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(caption("For", "heading"))
        self._group = QButtonGroup(self)
        self._group.setExclusive(False)
        self.cards: dict[str, PresetCard] = {}
        for key, preset in PRESETS.items():
            card = self.cards[key] = PresetCard(preset.title, preset.text)
            card.clicked.connect(lambda _, key=key: self.choose_preset(key))
            column.addWidget(card)
        column.addStretch(1)
        return column

    def _make_formats(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(8)
        head = QHBoxLayout()
        head.addWidget(caption("Formats", "heading"))
        head.addStretch(1)
        self._count = caption("", "muted")
        head.addWidget(self._count)
        column.addLayout(head)
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(10)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        self.rows: dict[str, TickRow] = {}
        half = (len(FORMATS) + 1) // 2
        for number, (key, form) in enumerate(FORMATS.items()):
            row = self.rows[key] = TickRow(form.title, form.text)
            row.ticked.connect(lambda on, key=key: self._tick(key, on=on))
            grid.addWidget(row, number % half, number // half, Qt.AlignmentFlag.AlignTop)
        column.addLayout(grid)
        column.addStretch(1)
        return column

    # -- what is known later ------------------------------------------------------------------------------

    def show_models(self, models: Sequence[ModelEntry]) -> None:
        """Offers the models that can be exported; the choice stays where it can."""
        chosen = self.models.currentData() or self._around.model
        self._models = {one.name: one for one in models if one.spec is not None}
        self.models.clear()
        for one in self._models.values():
            precision = one.spec.precision if one.spec else ""
            self.models.addItem(one.name + (f"   ({precision})" if precision != "fp32" else ""), one.name)
        self.models.setCurrentIndex(max(self.models.findData(chosen), 0) if self._models else -1)
        self.models.setEnabled(bool(self._models))
        self._model_chosen()

    def show_lacks(self, lacks: Mapping[str, str]) -> None:
        """What the machine lacks, by format."""
        self._machine = lacks
        self._refresh()

    # -- choosing -----------------------------------------------------------------------------------------

    def choose_preset(self, key: str) -> None:
        """Ticks a preset's formats, as far as they can be made."""
        self._wanted = set(PRESETS[key].formats)
        self._refresh()

    def _tick(self, key: str, *, on: bool) -> None:
        # What could not be ticked is not wanted any more once the user chooses by hand.
        self._wanted = {*self.formats} | {key} if on else {*self.formats} - {key}
        self._refresh()

    def _model_chosen(self) -> None:
        entry = self.entry
        name = entry.name if entry else ""
        if not self._own_folder:
            self.out.field.setText(str(self._around.place / f"{name}{ENDING}") if name else "")
        self.pictures.show_model(entry.spec.palette if entry and entry.spec else "")
        say(self._model_remark, "" if entry else "There is no model yet: import one first.")
        self._refresh()

    def _folder_edited(self) -> None:
        self._own_folder = bool(self.out.path)
        self.changed.emit()

    def _refresh(self) -> None:
        spec = self.entry.spec if self.entry else None
        lacks = {**(model_lacks(spec) if spec else {}), **(self._machine or {})}
        reason = self.pictures.why_no_int8
        if reason:
            lacks = dict.fromkeys((k for k, one in FORMATS.items() if one.judged == "int8"), reason) | lacks
        self._lacks = lacks
        for key, row in self.rows.items():
            row.show_state(ticked=key in self._wanted, lack=lacks.get(key, ""))
        for key, card in self.cards.items():
            card.setChecked(self._wanted == set(PRESETS[key].formats))
        self.advanced.show_for(self.formats)
        count = len(self.formats)
        self._count.setText(f"{count} chosen" if count else "none chosen")
        self.changed.emit()

    # -- the result ---------------------------------------------------------------------------------------

    @property
    def entry(self) -> ModelEntry | None:
        """The chosen model."""
        return self._models.get(self.models.currentData() or "")

    @property
    def formats(self) -> tuple[str, ...]:
        """What is ticked and can be made, in the table's order."""
        return tuple(key for key in FORMATS if key in self._wanted and key not in self._lacks)

    @property
    def problem(self) -> str:
        """Why it cannot begin; "" if it can."""
        if self.entry is None:
            return "Choose a model."
        if not self.out.path:
            return "Name the folder of the export."
        if not self.formats:
            return "Tick a format."
        return self.pictures.problem or self.advanced.problem

    def order(self) -> ExportOrder:
        """What was chosen; only without a problem."""
        assert self.entry is not None, "there is a model"
        return ExportOrder(
            self.entry.name,
            Path(self.out.path),
            self.formats,
            self.pictures.judge,
            self.pictures.calibration,
            self.pictures.masks_palette,
            *self.advanced.values(),
        )


def go_text(form: ExportForm) -> str:
    """What the button says that begins it."""
    count = len(form.formats)
    return f"Export {count} formats" if count > 1 else "Export"
