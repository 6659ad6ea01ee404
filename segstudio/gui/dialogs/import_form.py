"""What a source of a model holds, and the choices about it that are the user's."""

from collections.abc import Collection

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget

from segstudio.annotation.palette import Palette, list_palettes, load_palette
from segstudio.errors import PaletteError, sentence
from segstudio.gui.dialogs.import_parts import CalmCombo, CalmSpin, Rows, say
from segstudio.gui.dialogs.import_texts import (
    classes_text,
    constants_text,
    normalisation_text,
    size_text,
)
from segstudio.gui.dialogs.palette_choice import swatches
from segstudio.inference.spec import NAME_PATTERN
from segstudio.workflows.model_source import NORMALISATIONS, ImportChoices, SourceFacts

LONGEST_NAME = 64
SMALLEST_SIDE, LARGEST_SIDE, SIDE_STEP = 64, 4096, 32
# What the combo of palettes holds besides names: nothing chosen yet, and what the import would take itself.
NOTHING, SUGGESTED = "\0nothing", ""


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, with a number behind it where it is taken."""
    if name not in taken:
        return name
    numbered = (f"{name[: LONGEST_NAME - 4]}-{number}" for number in range(2, 1000))
    return next((other for other in numbered if other not in taken), name)


class ImportForm(QWidget):
    """The facts of one source and the fields to choose by; `changed` follows every choice."""

    changed = Signal()
    browse_asked = Signal()

    def __init__(self, facts: SourceFacts, taken: Collection[str]) -> None:
        super().__init__()
        self.facts = facts
        self._taken = frozenset(taken)
        self._rows = Rows()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._rows)
        layout.addStretch(1)
        self._add_facts()
        self._rows.add_rule()
        self._add_name()
        if facts.kind != "model":
            self._add_palettes()
            self._add_size()
            self._add_normalisation()
        self._check()

    # -- making -------------------------------------------------------------------------------------------

    def _add_facts(self) -> None:
        facts = self.facts
        self._rows.add_fact("Made by", facts.producer)
        self._rows.add_fact("Network", facts.network)
        self._rows.add_fact("Classes", classes_text(facts))
        if facts.kind == "model":
            self._rows.add_fact("Input size", size_text(facts))
            self._rows.add_fact("Normalisation", f"{normalisation_text(facts)}: {facts.normalisation}")
        if facts.notes:
            self._rows.add_fact("Notes", "\n".join(sentence(note) for note in facts.notes))

    def _add_name(self) -> None:
        self.name = QLineEdit(free_name(self.facts.name, self._taken)[:LONGEST_NAME])
        self.name.setMaxLength(LONGEST_NAME)
        self.name.textChanged.connect(lambda _: self._check())
        self._rows.add_field("Name", self.name)
        self._name_problem = self._rows.add_remark(role="danger")

    def _add_palettes(self) -> None:
        self.palettes = CalmCombo()
        for text, value in self._palette_entries():
            self.palettes.addItem(text, value)
        self.palettes.currentIndexChanged.connect(lambda _: self._palette_chosen())
        self.browse_button = QPushButton("Browse…")
        self.browse_button.setToolTip("Choose the YAML file of a palette")
        self.browse_button.clicked.connect(self.browse_asked)
        self._rows.add_field("Palette", self.palettes, self.browse_button)
        self._palette_problem = self._rows.add_remark(role="danger")
        self._classes = self._rows.add_remark()
        self._classes.setTextFormat(Qt.TextFormat.RichText)
        self._palette_chosen()

    def _palette_entries(self) -> list[tuple[str, str]]:
        """What fits, the suggestion first; without one the user has to choose."""
        facts = self.facts
        fitting = {palette.name: palette.count for palette in fitting_palettes(facts.classes)}
        entries = [(f"{name}   ({count} classes)", name) for name, count in fitting.items()]
        if facts.palette:
            text = f"{facts.palette}   ({fitting.get(facts.palette, facts.classes)} classes)"
            return [(text, SUGGESTED), *(entry for entry in entries if entry[1] != facts.palette)]
        if facts.makes_palette:
            return [(f"From the file's class names   ({facts.classes} classes)", SUGGESTED), *entries]
        return [("Choose a palette…", NOTHING), *entries]

    def _add_size(self) -> None:
        facts = self.facts
        self.short_side = CalmSpin()
        self.short_side.setRange(SMALLEST_SIDE, LARGEST_SIDE)
        self.short_side.setSingleStep(SIDE_STEP)
        self.short_side.setValue(facts.short_side)
        self.fixed_size = QLineEdit(size_text(facts))
        self.fixed_size.setEnabled(False)
        is_sized = bool(facts.height and facts.width)
        if is_sized and facts.kind == "checkpoint":
            # Weights take any size; below the smallest side stands the one that the file names.
            self.short_side.setMinimum(SMALLEST_SIDE - SIDE_STEP)
            self.short_side.setSpecialValueText(size_text(facts))
            self.short_side.setValue(self.short_side.minimum())
        self._suggested_side = self.short_side.value()
        if is_sized and facts.kind != "checkpoint":
            self._rows.add_field("Input size", self.fixed_size)
        else:
            self._rows.add_field("Input size", self.short_side)
            remark = "Images are scaled until their shorter side has this length."
            if is_sized:
                remark = "Or a length: then images are scaled until their shorter side has it."
            self._rows.add_remark(remark)

    def _add_normalisation(self) -> None:
        self.normalisation = CalmCombo()
        facts = self.facts
        self._constants = dict(NORMALISATIONS)
        self._suggested = normalisation_text(facts)
        if self._suggested not in NORMALISATIONS:
            self._constants = {self._suggested: (facts.mean, facts.std), **NORMALISATIONS}
        for name in self._constants:
            self.normalisation.addItem(name, name)
        self.normalisation.setCurrentIndex(self.normalisation.findData(self._suggested))
        self.normalisation.currentIndexChanged.connect(lambda _: self._show_constants())
        self._rows.add_field("Normalisation", self.normalisation)
        self._numbers = self._rows.add_remark(" ")
        self._show_constants()

    def _show_constants(self) -> None:
        chosen = str(self.normalisation.currentData())
        lines = [constants_text(*self._constants[chosen])]
        if chosen == self._suggested:
            lines.append(sentence(self.facts.normalisation))
        say(self._numbers, "\n".join(lines))

    # -- choosing -----------------------------------------------------------------------------------------

    def add_palette(self, palette: Palette, path: str) -> None:
        """Offers a palette's file and chooses it, if it has as many classes as the model."""
        if self.facts.classes not in (0, palette.count):
            self.refuse_palette(
                f"{palette.name} has {palette.count} classes, the model has {self.facts.classes}."
            )
            return
        self.palettes.addItem(f"{palette.name}   ({palette.count} classes)", path)
        self.palettes.setCurrentIndex(self.palettes.count() - 1)

    def refuse_palette(self, text: str) -> None:
        """Says why a palette cannot be used; the choice stays as it was."""
        say(self._palette_problem, text)

    def _palette_chosen(self) -> None:
        chosen = self.palettes.currentData()
        if chosen == NOTHING:
            say(self._palette_problem, palette_problem_text(self.facts))
            self._classes.hide()
        else:
            say(self._palette_problem, "")
            self._show_classes(str(chosen or self.facts.palette))
        self._check()

    def _show_classes(self, name: str) -> None:
        try:
            text = swatches(load_palette(name)) if name else ""
        except PaletteError as error:
            text = ""
            self.refuse_palette(str(error))
        self._classes.setText(text)
        self._classes.setVisible(bool(text))

    def _check(self) -> None:
        name, text = self.name.text(), ""
        if not NAME_PATTERN.fullmatch(name):
            text = "Use letters, digits, dots, dashes and underscores; start with a letter or digit."
        elif name in self._taken:
            text = "There is a model of this name already."
        say(self._name_problem, text)
        self._name_is_right = not text
        self.changed.emit()

    def set_taken(self, taken: Collection[str]) -> None:
        """Names that are not free; known a little later than the facts."""
        untouched = self.name.text() == free_name(self.facts.name, self._taken)
        self._taken = frozenset(taken)
        if untouched:
            self.name.setText(free_name(self.facts.name, self._taken))
        self._check()

    @property
    def is_valid(self) -> bool:
        """Whether nothing is left to be chosen."""
        is_model = self.facts.kind == "model"
        return self._name_is_right and (is_model or self.palettes.currentData() != NOTHING)

    @property
    def first_open(self) -> QWidget | None:
        """The first field that needs an answer."""
        if not self._name_is_right:
            return self.name
        return None if self.is_valid else self.palettes

    def choices(self) -> ImportChoices:
        """The name, and what was chosen otherwise than suggested."""
        if self.facts.kind == "model":
            return ImportChoices(name=self.name.text())
        chosen = str(self.normalisation.currentData())
        own = NORMALISATIONS[chosen] if chosen != self._suggested else (None, None)
        side = self.short_side.value()
        return ImportChoices(
            name=self.name.text(),
            palette=str(self.palettes.currentData()),
            mean=own[0],
            std=own[1],
            short_side=side if side != self._suggested_side else 0,
        )


def fitting_palettes(classes: int) -> list[Palette]:
    """The palettes with so many classes; all of them where the number is not known."""
    found = []
    for name in list_palettes():
        try:
            palette = load_palette(name)
        except PaletteError:
            # One damaged file of the user's must not hide the others.
            continue
        if classes in (0, palette.count):
            found.append(palette)
    return found


def palette_problem_text(facts: SourceFacts) -> str:
    """Why a palette has to be chosen, without what only the command line can do."""
    reasons = [part for part in facts.palette_problem.split(". ") if "--" not in part]
    reason = sentence(". ".join(reasons) or "Nothing tells which classes the model has")
    return f"{reason} Choose the palette that it was trained with, or browse for its YAML file."
