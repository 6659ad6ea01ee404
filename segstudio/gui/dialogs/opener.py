"""Opens every dialog of the window, and does what they are answered with."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QMessageBox, QWidget

from segstudio import paths
from segstudio.errors import SegstudioError
from segstudio.gui.actions.action_set import ActionSet
from segstudio.gui.crash_net import LOG_FILE
from segstudio.gui.dialogs.bug_report import BugReport
from segstudio.gui.dialogs.export_opener import ExportOpener
from segstudio.gui.dialogs.finders import Finders
from segstudio.gui.dialogs.import_texts import TOPIC as IMPORT_TOPIC
from segstudio.gui.dialogs.key_dialog import KeyLayoutsDialog
from segstudio.gui.dialogs.key_sheet import KeySheet
from segstudio.gui.dialogs.model_import import ModelImportDialog, Stage
from segstudio.gui.dialogs.outside_change import OutsideChangeDialog, as_rgb
from segstudio.gui.dialogs.palette_choice import PaletteChoice
from segstudio.gui.dialogs.recovery import RecoveryDialog
from segstudio.gui.dialogs.unsaved import UnsavedDialog
from segstudio.gui.icons import Icons
from segstudio.gui.job_bridge import Replies
from segstudio.gui.message import ERROR, Message
from segstudio.gui.models.model_imports import DroppedKind, dropped_kind, is_model_file
from segstudio.gui.prove.opener import CompareOpener
from segstudio.gui.saving import recovery
from segstudio.gui.saving.save_trouble import OutsideReview
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.gui.training.retrain_opener import RetrainOpener
from segstudio.gui.view.canvas_link import CanvasLink
from segstudio.project.layout import FACTS_DIR

DEMO_MODULE = "segstudio.gui.demo_project"


class Dialogs(QObject):
    """One method a dialog. None of them waits: answers come back through signals."""

    def __init__(self, window: QWidget, session: Session, themes: ThemeSwitch, actions: ActionSet) -> None:
        super().__init__(window)
        self._window = window
        self._session = session
        self._themes = themes
        self._actions = actions
        self._icons = Icons(themes)
        self._finders = Finders(window, session, themes, actions)
        self._bug: QDialog | None = None
        self._importer: ModelImportDialog | None = None
        self._exports = ExportOpener(window, session, themes, self._icons)
        self.compare = CompareOpener(window, session, themes, self._icons)
        self.compare.acted.connect(lambda action_id: actions[action_id].trigger())
        self._retrain = RetrainOpener(window, session, self._icons)
        session.recovery_needed.connect(self.offer_recovery)
        session.export_asked.connect(self.ask_export)
        session.trouble.leaving.connect(self.ask_to_stay)
        session.trouble.review.connect(self.ask_whose)

    # -- folders and models -------------------------------------------------------------------------------

    def ask_folder(self) -> None:
        """Asks for a folder of images and opens it."""
        dialog = QFileDialog(self._window, "Open a folder of images")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda path: self.open_folder(Path(path)))
        dialog.open()

    def ask_model(self, source: str = "") -> None:
        """Asks for a model of any kind and imports it; a source that is known is inspected at once."""
        if self._importer is None:
            self._importer = ModelImportDialog(self._window, self._session.model_imports, self._icons)
            self._importer.finished.connect(self._import_closed)
            self._importer.ended_unseen.connect(self._import_ended)
        self._session.resolved.emit(IMPORT_TOPIC)
        self._importer.show()
        self._importer.activateWindow()
        if source:
            self._importer.offer(source)

    def ask_export(self, model: str = "") -> None:
        """Asks to which formats a model goes, at first the one in use, and exports it; a running export is
        looked at again.
        """
        self._exports.open(model)

    def _import_closed(self) -> None:
        # While a model is imported the dialog is kept, so that it can be looked at again.
        if self._importer is not None and self._importer.stage is not Stage.IMPORTING:
            self._importer.deleteLater()
            self._importer = None

    def _import_ended(self, message: Message | None) -> None:
        if message is not None and message.level == ERROR:
            message = replace(message, action="Show…", act=self.ask_model)
        else:
            self._import_closed()
        if message is not None:
            self._session.message.emit(message)

    def open_dropped(self, path: Path) -> None:
        """Opens what was dropped on the window: a model is imported, an image stands for its folder."""
        if is_model_file(path):
            self.ask_model(str(path))
            return

        def opened(kind: DroppedKind) -> None:
            if kind is DroppedKind.MODEL:
                self.ask_model(str(path))
            else:
                self.open_folder(path if kind is DroppedKind.FOLDER else path.parent)

        replies = Replies(done=opened)
        self._session.bridge.start(f"Look at {path.name}", lambda _: dropped_kind(path), replies=replies)

    def open_folder(self, folder: Path) -> None:
        """Opens a project; a folder that is none yet is asked for its classes first."""
        if not folder.is_dir():
            self._session.message.emit(Message(ERROR, f"{folder} is no folder", "Give a folder of images"))
        elif (folder / FACTS_DIR).is_dir():
            self._session.open_project(folder)
        else:
            dialog = PaletteChoice(self._window, folder)
            dialog.chosen.connect(lambda palette: self._session.open_project(folder, palette))
            dialog.open()

    @property
    def has_demo(self) -> bool:
        """Whether the demo project can be made."""
        return importlib.util.find_spec(DEMO_MODULE) is not None

    def open_demo(self) -> None:
        """Makes the demo project if needed and opens it."""
        from segstudio.gui.demo_project import open_demo_project

        open_demo_project(self._session)

    # -- finding things -----------------------------------------------------------------------------------

    def show_commands(self) -> None:
        """The command palette."""
        self._finders.find_command()

    def find_class(self, link: CanvasLink) -> None:
        """The list of classes to type into; the one chosen becomes active."""
        self._finders.find_class(link)

    def show_keys(self) -> None:
        """The sheet of keys."""
        KeySheet(self._window, self._actions.keys, self._session.bridge).show()

    def show_layouts(self) -> None:
        """All actions with their keys, to change them."""
        dialog = self._window.findChild(KeyLayoutsDialog)
        if dialog is None:
            dialog = KeyLayoutsDialog(self._window, self._actions.keys, self._icons)
            dialog.sheet_asked.connect(self.show_keys)
        dialog.show()
        dialog.activateWindow()

    def show_about(self) -> None:
        """Version and licence."""
        try:
            version = metadata.version("segstudio")
        except metadata.PackageNotFoundError:
            version = "source tree"
        box = QMessageBox(self._window)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle("About segstudio")
        box.setText(f"<b>segstudio</b> {version}")
        box.setInformativeText("A desktop studio for semantic segmentation with SegFormer.\nApache-2.0")
        box.open()

    # -- trouble ------------------------------------------------------------------------------------------

    def offer_recovery(self, keys: Sequence[str]) -> None:
        """Asks what to do with the edits of before a crash."""
        dialog = RecoveryDialog(self._window, keys)
        dialog.recover_asked.connect(lambda chosen: recovery.recover(self._session, chosen))
        dialog.discard_asked.connect(lambda chosen: recovery.discard(self._session, chosen))
        dialog.open()

    def ask_to_stay(
        self,
        problems: Mapping[str, SegstudioError],
        then: Callable[[], object],
        stay: Callable[[], object],
    ) -> None:
        """Says what could not be saved before it is let go."""
        UnsavedDialog(self._window, problems, self._session.documents.journals_hold, then, stay).open()

    def ask_whose(self, review: OutsideReview) -> None:
        """Asks which state of a mask stays, the one in hand or another program's."""
        session, palette = self._session, self._session.classes.palette
        if palette is None:
            return
        theme = self._themes.current
        marks = (as_rgb(theme.colour("raised")), as_rgb(theme.colour("danger")))
        dialog = OutsideChangeDialog(self._window, review, palette.colours(), marks)
        dialog.keep_mine.connect(lambda: session.trouble.keep_mine(review.key))
        dialog.take_theirs.connect(lambda: session.trouble.take_theirs(review))
        dialog.look_button.setEnabled(review.theirs is not None and review.key == session.current)
        dialog.look.connect(lambda: session.trouble.look_at(review, session.versions))
        dialog.open()

    def show_problem(self, error: SegstudioError) -> None:
        """Explains an error that reached the top."""
        self._session.explain(error)

    def show_bug(self, summary: str, trace: str) -> None:
        """Shows a bug, unless one is shown already: the first is the cause, the log has the others."""
        if self._bug is None:
            self._bug = BugReport(self._window, summary, trace, paths.user_log_dir() / LOG_FILE)
            self._bug.finished.connect(self._bug_closed)
            self._bug.show()

    def _bug_closed(self) -> None:
        self._bug = None
