"""All that is known of one model: what it is, how it does, what was made of it; its words can be changed."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.catalog.exports_list import ExportsList
from segstudio.gui.catalog.folders import open_folder
from segstudio.gui.catalog.text_field import NotesField
from segstudio.gui.catalog.texts import (
    NONE,
    day,
    measured_text,
    own_scores_text,
    parents_text,
    percent,
    size_text,
    speed_text,
    state_text,
)
from segstudio.gui.dashboards.bar_table import BarRow, BarTable, BarTableModel
from segstudio.gui.dashboards.bars import Bar
from segstudio.gui.dashboards.plot_colours import series_colour
from segstudio.gui.dashboards.stage_bar import Part, PartsBar
from segstudio.gui.panels.parts import EmptyState, Segments, caption
from segstudio.workflows.model_facts import ModelFacts

PARTS = (
    ("about", "About", "What it is, where it comes from, what it takes"),
    ("classes", "Classes", "IoU by class on this project"),
    ("exports", "Exports", "What was made of it, and what that was measured to do"),
    ("spec", "Spec", "The experiment it was trained by, or its model.json"),
)
NOT_MEASURED = "Its IoU by class appears here once it was measured on this project."
# What can be pressed where a model was not measured here: for the one in use, and for any other.
EVALUATE, COMPARE = "Evaluate on this folder's masks", "Compare with the model in use…"
READ_ONLY = "This model ships with segstudio and is read only"


class ModelDetail(QWidget):
    """Shows one model; signals carry what the user asks for."""

    renamed = Signal(str)
    tagged = Signal(str)
    noted = Signal(str)
    use_asked = Signal()
    export_asked = Signal()
    compare_asked = Signal()
    evaluate_asked = Signal()
    archive_asked = Signal(bool)
    delete_asked = Signal()
    spec_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.facts: ModelFacts | None = None
        self.name = QLineEdit()
        self.name.setObjectName("modelName")
        self.name.setAccessibleName("Name of the model")
        # In line with the texts below, which have no margin of their own.
        self.name.setTextMargins(-2, 0, 0, 0)
        self.state = caption("", "small")
        self.use_button = QPushButton("Use")
        self.use_button.setProperty("role", "primary")
        self.compare_button = QPushButton("Compare…")
        self.compare_button.setToolTip("Class by class with the model in use, on samples neither learnt from")
        self.measure_button = QPushButton(EVALUATE)
        self.export_button = QPushButton("Export…")
        self.archive_button = QPushButton("Archive")
        self.delete_button = QPushButton("Delete")
        self.folder_button = QPushButton("Open folder")
        self.parts = Segments("Part", PARTS)
        self.tags = QLineEdit()
        self.tags.setAccessibleName("Tags")
        self.tags.setPlaceholderText("Words with commas between them")
        self.notes = NotesField("Your notes")
        self.disk = PartsBar("Disk use")
        self.classes = BarTable("IoU by class", BarTableModel(("Class", "IoU"), 1))
        self.exports = ExportsList()
        self.spec = QPlainTextEdit(readOnly=True)
        self.spec.setAccessibleName("Spec")
        self.spec.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._measured = QStackedWidget()
        self._about = QGridLayout()
        self._stack = QStackedWidget()
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.use_button, self.compare_button, self.export_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        font = self.spec.font()
        font.setFamilies(["DejaVu Sans Mono", "Cascadia Mono", "Menlo", "monospace"])
        self.spec.setFont(font)
        self._measured.addWidget(self.classes)
        self._measured.addWidget(EmptyState(NOT_MEASURED))
        for widget in (self._about_page(), self._measured, self.exports, self.spec):
            self._stack.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 0, 0, 0)
        layout.setSpacing(8)
        head = QVBoxLayout()
        head.setSpacing(0)
        head.addWidget(self.name)
        head.addWidget(self.state)
        layout.addLayout(head)
        layout.addLayout(buttons)
        layout.addWidget(self.parts, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self._stack, 1)

    def _about_page(self) -> QScrollArea:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 4, 8, 4)
        column.setSpacing(8)
        self._about.setHorizontalSpacing(16)
        self._about.setVerticalSpacing(6)
        self._about.setColumnStretch(1, 1)
        column.addLayout(self._about)
        column.addWidget(self.measure_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(caption("Tags", "section"))
        column.addWidget(self.tags)
        column.addWidget(caption("Your notes", "section"))
        column.addWidget(self.notes)
        column.addWidget(caption("Disk use", "section"))
        column.addWidget(self.disk)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        for button in (self.folder_button, self.archive_button, self.delete_button):
            foot.addWidget(button)
        foot.addStretch(1)
        column.addLayout(foot)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        return area

    def _connect(self) -> None:
        self.parts.chosen.connect(self.show_part)
        self.name.editingFinished.connect(self._name_edited)
        self.tags.editingFinished.connect(self._tags_edited)
        self.notes.edited.connect(self.noted)
        self.use_button.clicked.connect(lambda: self.use_asked.emit())
        self.export_button.clicked.connect(lambda: self.export_asked.emit())
        self.compare_button.clicked.connect(lambda: self.compare_asked.emit())
        self.measure_button.clicked.connect(self._measure)
        self.archive_button.clicked.connect(self._archive)
        self.delete_button.clicked.connect(lambda: self.delete_asked.emit())
        self.folder_button.clicked.connect(self._open_folder)
        self.parts.set_value("about")

    def show_part(self, part: str) -> None:
        """Shows one of PARTS."""
        self.parts.set_value(part)
        self._stack.setCurrentIndex([key for key, _, _ in PARTS].index(part))
        if part == "spec":
            self.spec_asked.emit()

    def show_model(self, facts: ModelFacts, used: str) -> None:
        """Shows another model, or the same one as it is now; a text that is being written stays."""
        is_other = self.facts is None or self.facts.name != facts.name
        if is_other:
            self.commit()
        self.facts = facts
        for field, text in (
            (self.name, facts.name),
            (self.tags, ", ".join(facts.entry.notes.tags)),
        ):
            field.setReadOnly(facts.entry.bundled)
            field.setToolTip(READ_ONLY if facts.entry.bundled else "")
            if is_other or not field.isModified():
                field.setText(text)
                field.setCursorPosition(0)
        self.notes.show_text(facts.entry.notes.text, other=is_other, read_only=facts.entry.bundled)
        self.state.setText(state_text(facts, used) or "ready to use")
        self._enable(facts, used)
        self._show_about(facts)
        self._show_classes(facts)
        self.exports.show_exports(facts.exports)
        self.disk.show_parts(
            [
                Part(kind, size, size_text(size), series_colour(number))
                for number, (kind, size) in enumerate(sorted(facts.bytes.items()))
            ]
        )
        if is_other:
            self.spec.clear()
        if self.parts.value == "spec":
            self.spec_asked.emit()

    def commit(self) -> None:
        """Tells what is written in a field that was not left yet."""
        self._name_edited()
        self._tags_edited()
        self.notes.commit()

    def _enable(self, facts: ModelFacts, used: str) -> None:
        is_used, is_usable = facts.name == used, facts.entry.spec is not None
        archived, bundled = facts.entry.notes.archived, facts.entry.bundled
        self.use_button.setText("In use" if is_used else "Use")
        self.use_button.setEnabled(is_usable and not is_used and not archived)
        self.use_button.setToolTip("This project works with it from now on, and remembers that")
        self.export_button.setEnabled(is_usable and not archived)
        # The one in use is what others are compared with.
        can_compare = is_usable and not is_used and not archived
        self.compare_button.setVisible(can_compare)
        self.measure_button.setText(EVALUATE if is_used else COMPARE)
        measured = facts.measured is not None and not facts.measured.outdated
        self.measure_button.setVisible(not measured and (can_compare or (is_used and is_usable)))
        self.archive_button.setText("Take back" if archived else "Archive")
        self.archive_button.setToolTip(
            READ_ONLY if bundled else "Lists and choosers leave it out; its files stay"
        )
        self.archive_button.setEnabled(not bundled and (archived or not is_used))
        self.delete_button.setToolTip(READ_ONLY if bundled else "To the trash, from where it can come back")
        self.delete_button.setEnabled(not bundled and not is_used)

    def _show_about(self, facts: ModelFacts) -> None:
        while (entry := self._about.takeAt(0)) is not None:
            widget = entry.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for number, (what, text) in enumerate(about(facts)):
            label = caption(what, "muted")
            value = QLabel(text)
            value.setTextFormat(Qt.TextFormat.PlainText)
            value.setWordWrap(True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._about.addWidget(label, number, 0, Qt.AlignmentFlag.AlignTop)
            self._about.addWidget(value, number, 1)

    def _show_classes(self, facts: ModelFacts) -> None:
        measured = facts.measured.classes if facts.measured is not None else {}
        self._measured.setCurrentIndex(0 if measured else 1)
        colour = series_colour(0)
        self.classes.rows.show_bars(
            [
                BarRow((name, percent(iou)), Bar(((0.0 if iou != iou else iou, colour),)))
                for name, iou in measured.items()
            ]
        )

    def _name_edited(self) -> None:
        if self.facts is None or not self.name.isModified():
            return
        self.name.setModified(False)
        wanted = self.name.text().strip()
        if wanted and wanted != self.facts.name:
            self.renamed.emit(wanted)
        else:
            self.name.setText(self.facts.name)

    def _tags_edited(self) -> None:
        if self.facts is not None and self.tags.isModified():
            self.tags.setModified(False)
            self.tagged.emit(self.tags.text())

    def _measure(self) -> None:
        is_used = self.measure_button.text() == EVALUATE
        (self.evaluate_asked if is_used else self.compare_asked).emit()

    def _archive(self) -> None:
        if self.facts is not None:
            self.archive_asked.emit(not self.facts.entry.notes.archived)

    def _open_folder(self) -> None:
        if self.facts is not None:
            open_folder(self.facts.entry.folder)


def about(facts: ModelFacts) -> list[tuple[str, str]]:
    """What a model is, in pairs of words; those that are not known are left out."""
    spec, manifest = facts.entry.spec, facts.manifest
    rows: list[tuple[str, str]] = []
    if spec is None:
        rows.append(("Problem", facts.entry.problem))
    rows += [
        ("Measured", measured_text(facts.measured)),
        ("Speed", speed_text(next(iter(facts.speeds), None))),
        ("Came from", parents_text(facts.parents)),
        ("Made from it", ", ".join(facts.children)),
    ]
    if manifest is not None:
        splits = ", ".join(f"{count} {name or 'of no split'}" for name, count in manifest.splits.items())
        rows.append(("Samples", f"{manifest.samples} frozen ({splits}) of {manifest.project}"))
    if spec is not None:
        rows += [
            ("Trained on", spec.trained_on),
            ("Its own scores", own_scores_text(spec.metrics)),
            ("Network", f"{spec.architecture}, {spec.precision}"),
            ("Classes", f"{len(spec.classes)} of {spec.palette}"),
            ("Licence", spec.licence),
            ("Created", day(spec.created)),
        ]
    rows.append(("Former names", ", ".join(facts.entry.notes.former_names)))
    return [(what, text) for what, text in rows if text and text != NONE]
