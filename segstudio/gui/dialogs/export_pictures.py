"""What an export is judged by and calibrated on: the project's masks, folders, or drawn scenes."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.annotation.palette import list_palettes
from segstudio.deploy.calibration import LEAST
from segstudio.errors import SegstudioError, sentence
from segstudio.gui.dialogs.export_facts import ProjectPictures
from segstudio.gui.dialogs.export_parts import FolderField, HidingRows
from segstudio.gui.dialogs.import_parts import CalmCombo, say
from segstudio.gui.models.model_exports import Folders, ProjectSamples

PROJECT, FOLDERS, NOTHING, SAME = "project", "folders", "nothing", "same"
IMAGES, MASKS, PALETTE, CALIBRATION = "Images", "Masks", "Palette", "Images to calibrate on"
DRAWN = (
    "The formats are compared with the model on 8 drawn scenes: how many pixels get the same class, and how"
    " fast they are. No scores are measured."
)
ANY = "Any"


class PicturesForm(QWidget):
    """Two questions and their answers; `changed` follows both."""

    changed = Signal()

    def __init__(self, project: ProjectSamples | None) -> None:
        super().__init__()
        self._project = project
        self._found: ProjectPictures | None = None
        self._trouble = ""
        self._touched = False
        self._rows = HidingRows()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._rows)
        self._add_judge()
        self._add_calibration()
        self._refresh()

    # -- making -------------------------------------------------------------------------------------------

    def _add_judge(self) -> None:
        self.judge_choice = CalmCombo()
        if self._project is not None:
            self.judge_choice.addItem("Accepted masks of this project", PROJECT)
        self.judge_choice.addItem("Folders of images and masks", FOLDERS)
        self.judge_choice.addItem("Nothing: drawn scenes, without scores", NOTHING)
        if self._project is None:
            self.judge_choice.setCurrentIndex(self.judge_choice.findData(NOTHING))
        self.judge_choice.activated.connect(lambda _: self._chosen())
        self.images = FolderField("Folder of images")
        self.masks = FolderField("Folder of masks", "Masks of the same names; may be left empty")
        self.palettes = CalmCombo()
        self.palettes.addItem("The model's own", "")
        for name in list_palettes():
            self.palettes.addItem(name, name)
        self._rows.add("Judge by", self.judge_choice)
        self._judge_remark = self._rows.add_remark()
        for name, field in ((IMAGES, self.images), (MASKS, self.masks), (PALETTE, self.palettes)):
            self._rows.add(name, field)
        for folder in (self.images, self.masks):
            folder.edited.connect(self._chosen)

    def _add_calibration(self) -> None:
        self.calibration_choice = CalmCombo()
        self.calibration_choice.activated.connect(lambda _: self._chosen())
        self.calibration_folder = FolderField("Folder of images to calibrate on")
        self.calibration_folder.edited.connect(self._chosen)
        self._rows.add("Calibrate int8 on", self.calibration_choice)
        self._rows.add("", self.calibration_folder, CALIBRATION)
        self._calibration_remark = self._rows.add_remark()
        self._offer_calibration()

    def _offer_calibration(self) -> None:
        """The entries that go with what is judged by; the choice stays where it can."""
        entries = {}
        if self._project is not None:
            split = "The train split of this project" if self._judges == PROJECT else "Images of this project"
            entries[PROJECT] = split
        if self._judges == FOLDERS:
            entries[SAME] = "Every other one of those images"
        entries[FOLDERS] = "A folder of images"
        if not entries.keys() & {PROJECT, SAME}:
            entries[NOTHING] = "Nothing: no int8"
        before = self.calibration_choice.currentData()
        self.calibration_choice.clear()
        for key, text in entries.items():
            self.calibration_choice.addItem(text, key)
        kept = before if before in entries else SAME if SAME in entries else PROJECT
        kept = kept if kept in entries else NOTHING
        self.calibration_choice.setCurrentIndex(self.calibration_choice.findData(kept))

    # -- what is known later ------------------------------------------------------------------------------

    def show_survey(self, found: ProjectPictures) -> None:
        """What the project has; without an accepted mask it is not proposed any more."""
        self._found, self._trouble = found, ""
        if not found.judge and self._judges == PROJECT and not self._touched:
            self.judge_choice.setCurrentIndex(self.judge_choice.findData(NOTHING))
            self._offer_calibration()
        self._refresh()

    def show_trouble(self, error: SegstudioError) -> None:
        """Why the project's masks could not be looked at; the other choices stay."""
        self._trouble = f"{error.message}. {sentence(error.hint)}".rstrip()
        self._refresh()

    def renew(self, project: ProjectSamples | None) -> None:
        """Takes the project's samples as they are now; another project is not taken."""
        if project is not None and self._project is not None and project.project is self._project.project:
            self._project = project

    def show_model(self, palette: str) -> None:
        """Names the palette that masks have unless another one is chosen."""
        self.palettes.setItemText(0, f"The model's own   ({palette})" if palette else "The model's own")

    # -- choosing -----------------------------------------------------------------------------------------

    def _chosen(self) -> None:
        self._touched = True
        self._offer_calibration()
        self._refresh()

    def _refresh(self) -> None:
        shown = [IMAGES, MASKS, PALETTE] if self._judges == FOLDERS else []
        if self._calibrates == FOLDERS:
            shown.append(CALIBRATION)
        self._rows.show_only(shown, (IMAGES, MASKS, PALETTE, CALIBRATION))
        self.palettes.setEnabled(bool(self.masks.path))
        say(self._judge_remark, self._judge_text())
        say(self._calibration_remark, self._calibration_text())
        self.changed.emit()

    @property
    def _judges(self) -> str:
        return str(self.judge_choice.currentData())

    @property
    def _calibrates(self) -> str:
        return str(self.calibration_choice.currentData())

    def _judge_text(self) -> str:
        if self._judges == FOLDERS:
            return "" if self.masks.path else "Without masks pixels are compared, and no scores are measured."
        if self._judges == NOTHING:
            return DRAWN
        found = self._found
        if found is None:
            return f"They cannot be looked at: {self._trouble}" if self._trouble else "Looking at the masks…"
        if not found.judge:
            return "No mask of this project is accepted yet: mark samples as accepted, or choose folders."
        some = "" if found.read >= found.count else f" in {found.read} of them"
        return (
            f"{found.count} images with masks, {found.classes} classes seen{some}: {len(found.judge)} judge,"
            f" {len(found.calibration)} calibrate."
        )

    def _calibration_text(self) -> str:
        if self._calibrates == PROJECT and self._found is not None:
            return f"{len(self._found.calibration)} images; none of them judges."
        if self._calibrates == SAME:
            return "Nothing is judged by what it was fitted to: the others judge."
        return ""

    # -- the result ---------------------------------------------------------------------------------------

    @property
    def why_no_int8(self) -> str:
        """Why int8 cannot be made with these pictures; "" if it can."""
        if self._calibrates == NOTHING:
            return "int8 is calibrated on images: choose some below."
        count = len(self._found.calibration) if self._found else LEAST
        if self._calibrates == PROJECT and count < LEAST:
            return (
                f"int8 needs {LEAST} images to calibrate on, this project has {count}: choose a folder below."
            )
        return ""

    @property
    def problem(self) -> str:
        """What is missing; "" for nothing."""
        if self._judges == PROJECT and self._found is None:
            state = "cannot be" if self._trouble else "are being"
            return f"The masks of the project {state} looked at."
        if self._judges == PROJECT and self._found is not None and not self._found.judge:
            return "This project has no accepted mask to judge by."
        if self._judges == FOLDERS and not self.images.path:
            return "Name the folder of the images to judge by."
        if self._calibrates == FOLDERS and not self.calibration_folder.path:
            return "Name the folder of the images to calibrate on."
        return ""

    @property
    def judge(self) -> Folders | ProjectSamples | None:
        """Images to judge by."""
        if self._judges == PROJECT:
            return self._project
        return Folders(self.images.path, self.masks.path) if self._judges == FOLDERS else None

    @property
    def calibration(self) -> Folders | ProjectSamples | None:
        """Images to calibrate on; None where they are of those to judge by, or there are none."""
        if self._calibrates == PROJECT:
            has_any = self._found is None or self._found.calibration
            return self._project if has_any else None
        return Folders(self.calibration_folder.path) if self._calibrates == FOLDERS else None

    @property
    def masks_palette(self) -> str:
        """The palette of masks in folders; "" for the model's own."""
        return str(self.palettes.currentData()) if self._judges == FOLDERS and self.masks.path else ""
