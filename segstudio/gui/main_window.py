"""The main window: menus, pages and status around a Session; it lays out and connects."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QMimeData, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from segstudio.annotation.colour_sets import COLOUR_SETS, ORIGINAL
from segstudio.annotation.rect import Rect
from segstudio.gui.actions.action_set import ActionSet
from segstudio.gui.commands.commands import Commands
from segstudio.gui.correcting.corrections import Corrections
from segstudio.gui.correcting.editing import Editing
from segstudio.gui.dialogs.opener import Dialogs
from segstudio.gui.icons import Icons
from segstudio.gui.keys.key_book import KeyBook
from segstudio.gui.keys.key_service import KeyService
from segstudio.gui.message import INFO, Message
from segstudio.gui.models.adapting import Adapting
from segstudio.gui.models.judgements import Judgements
from segstudio.gui.pages import DASHBOARDS, EDITOR, FAILURES, GRID, MODELS, RUNS
from segstudio.gui.panels.editor_page import EditorPage
from segstudio.gui.panels.grid_page import GridPage
from segstudio.gui.panels.header_bar import HeaderBar
from segstudio.gui.panels.job_strip import JobStrip
from segstudio.gui.panels.message_bar import MessageBar
from segstudio.gui.panels.start_page import StartPage
from segstudio.gui.panels.status_bar import StatusBar
from segstudio.gui.review.review_desk import ReviewDesk
from segstudio.gui.samples.sample_lister import SampleLister
from segstudio.gui.session import Session
from segstudio.gui.slot_keeper import SlotKeeper
from segstudio.gui.theme import ThemeSwitch
from segstudio.gui.training.farewell import Farewell
from segstudio.gui.training.training_runs import STOP_SETTING
from segstudio.gui.training.training_strip import TrainingStrip
from segstudio.gui.view.place_opener import PlaceOpener
from segstudio.gui.view.region_opener import RegionOpener
from segstudio.gui.view.view_state import ViewState

TITLE = "segstudio"
CANVAS = "canvas"
# How long closing the window waits for one mask to be written.
SAVE_SECONDS = 10.0
SMALLEST_TEXT, LARGEST_TEXT = 0.8, 1.6


class MainWindow(QMainWindow):
    """One window, one Session."""

    def __init__(self, session: Session, themes: ThemeSwitch) -> None:
        super().__init__()
        self.session = session
        self.themes = themes
        self.icons = Icons(themes)
        self.view = ViewState()
        self.editing = Editing(session)
        SlotKeeper(session)
        self.keys = KeyBook()
        self.actions_by_id = ActionSet(self, self.icons, self.keys, lambda spec: self.commands.run(spec))
        self.lister = SampleLister(session)
        self.editor = EditorPage(
            session, self.lister, self.editing, self.view, themes, self.icons, self.actions_by_id
        )
        self.link = self.editor.link
        self.editing.large_changes = self.link.large_changes.start
        self.dialogs = Dialogs(self, session, themes, self.actions_by_id)
        self.corrections = Corrections(self, session, self.link, themes, self.icons)
        self.judgements = Judgements(session)
        self.adapting = Adapting(self, session, self.link, self.icons)
        self.review = ReviewDesk(self, session, self.editor, self.icons)
        self.job_strip = JobStrip(session.bridge, self.icons)
        self.commands = Commands(self)
        self.opener = RegionOpener(self, self)
        self._page = self._page_before = EDITOR
        self._leaves = False
        self._sync_timer = QTimer(self, interval=0, singleShot=True)
        self._sync_timer.timeout.connect(self._sync)
        self._dashboards: dict[str, QWidget] = {}
        self._grid: GridPage | None = None
        self._opener = PlaceOpener(session, self.link)
        self._lay_out()
        self._make_menus()
        self._connect()
        self._serve_keys()
        self._restore()
        self.setAcceptDrops(True)
        self._project_changed()

    # -- making -------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.setWindowTitle(TITLE)
        self.header = HeaderBar(self.actions_by_id)
        self.start = StartPage(self.icons)
        self.start.demo_button.setVisible(self.dialogs.has_demo)
        self.actions_by_id["file.demo"].setVisible(self.dialogs.has_demo)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.start)
        self.pages.addWidget(self.editor)
        self.messages = MessageBar(self.icons, self.pages)
        self.training_strip = TrainingStrip()
        self.status = StatusBar(self.job_strip, self.training_strip)
        centre = QWidget()
        centre.setObjectName("page")
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for widget in (self.header, self.messages):
            layout.addWidget(widget)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.status)
        self.setCentralWidget(centre)

    def _make_menus(self) -> None:
        menus = self.actions_by_id.fill(self.menuBar())
        self._recent = menus["File"].addMenu("Open recent")
        menus["File"].insertMenu(self.actions_by_id["file.rescan"], self._recent)
        self._recent.aboutToShow.connect(self._fill_recent)

    def _fill_recent(self) -> None:
        self._recent.clear()
        for folder in self.session.memory.recent:
            self._recent.addAction(folder, partial(self.dialogs.open_folder, Path(folder)))

    def _serve_keys(self) -> None:
        service = KeyService(
            self, self.keys, self.actions_by_id, self.commands, self.link, lambda: self._page == EDITOR
        )
        self.held_keys = service.held
        self.keys.changed.connect(self._show_keys)
        self._show_keys()
        if self.keys.warning is not None:
            self.session.message.emit(self.keys.warning)

    def _show_keys(self) -> None:
        for part in (self.editor, self.header, self.start):
            part.show_keys(self.keys)

    def _connect(self) -> None:
        session = self.session
        session.message.connect(self.messages.show_message)
        session.resolved.connect(self.messages.clear)
        session.project_changed.connect(self._project_changed)
        session.history_changed.connect(self._saved_state)
        # At once: the key for undo may be the very next event.
        session.history_changed.connect(self._sync)
        for signal in (session.sample_opened, session.prediction_changed):
            signal.connect(lambda *_: self.sync())
        session.predictions.models_changed.connect(self.sync)
        session.changed.connect(lambda _: self.sync())
        session.bridge.started.connect(lambda _: self.sync())
        session.bridge.finished.connect(lambda _: self.sync())
        session.bridge.crashed.connect(self.dialogs.show_bug)
        session.classes.changed.connect(self.sync)
        session.paint_filter.changed.connect(self.sync)
        self.view.changed.connect(self.sync)
        self.view.changed.connect(self._remember_view)
        self.link.tool_changed.connect(lambda _: self.sync())
        self.link.reading_changed.connect(self.status.show_reading)
        canvas = self.link.canvas
        canvas.zoom_changed.connect(lambda zoom: self.status.zoom.setText(f"{zoom * 100:.0f} %"))
        canvas.status_text.connect(lambda text: session.message.emit(Message(INFO, text, topic=CANVAS)))
        session.sample_opened.connect(lambda _: self.messages.clear(CANVAS))
        self.editor.placed.connect(self.header.show_sample)
        self.header.page_chosen.connect(self.show_page)
        self.adapting.compare_asked.connect(lambda _: self.show_page(MODELS))
        session.segments_asked.connect(self._show_segments)
        session.runs.looked.connect(self.training_strip.show_runs)
        session.runs.shown_asked.connect(lambda: self.show_page(RUNS))
        self.training_strip.asked.connect(session.runs.show)
        self.start.open_asked.connect(self.dialogs.ask_folder)
        self.start.demo_asked.connect(self.dialogs.open_demo)
        self.start.recent_asked.connect(lambda folder: self.dialogs.open_folder(Path(folder)))
        self.start.forgotten.connect(self._forget)

    # -- state --------------------------------------------------------------------------------------------

    def sync(self) -> None:
        """Brings actions and buttons in step with what is open; many causes are served by one pass."""
        self._sync_timer.start()

    def _sync(self) -> None:
        self.actions_by_id.sync(self.editing.available(), self._ticked())
        self.editor.show_enabled()

    def _ticked(self) -> frozenset[str]:
        view, classes = self.view, self.session.classes
        ticked = {
            f"tool.{self.link.tool.value}",
            f"page.{self._page}",
            f"layer.{view.layer}",
            f"style.{view.outline}",
            f"colours.{view.colours}",
            f"theme.{self.themes.choice}",
        }
        switches = {
            "view.overlay": view.overlay,
            "view.keep": view.keep_view,
            "view.left": not self.editor.left.isHidden(),
            "view.right": not self.editor.right.isHidden(),
            "view.full": self.isFullScreen(),
            "tool.filter": self.session.paint_filter.is_on,
            "class.lock": classes.active in classes.locked,
            "class.hide": classes.active in classes.hidden,
            "class.solo": classes.solo == classes.active,
            "train.stop_on_close": bool(self.session.settings.get(STOP_SETTING)),
        }
        return frozenset(ticked | {name for name, on in switches.items() if on}) | view.ticks()

    def _project_changed(self) -> None:
        project = self.session.project
        name = project.root.name if project is not None else ""
        self.setWindowTitle(f"{name} – {TITLE}" if name else TITLE)
        self.header.setVisible(project is not None)
        self.status.setVisible(project is not None)
        self.header.show_project(name)
        self.header.project.setToolTip(str(project.root) if project else "")
        if project is None:
            self.start.show_recent(self.session.memory.recent)
            self.pages.setCurrentWidget(self.start)
        else:
            memory, root = self.session.memory, str(project.root)
            # Both are read before either is set: what changes is remembered for the open project.
            colours, opacity = memory.colours.get(root), memory.opacity.get(root, self.view.opacity)
            self.view.set_colours(colours if colours in COLOUR_SETS else ORIGINAL)
            self.view.set_opacity(opacity)
            self.show_page(EDITOR)
        self._saved_state()
        self.sync()

    def _saved_state(self) -> None:
        documents = self.session.documents
        self.status.saved.setText(
            saved_text(documents.is_saving, bool(documents.failures), documents.dirty_keys)
        )

    def _remember_view(self) -> None:
        if self.session.project is not None:
            memory, root = self.session.memory, str(self.session.project.root)
            memory.opacity[root] = self.view.opacity
            memory.colours[root] = self.view.colours

    def _forget(self, folder: str) -> None:
        self.session.memory.forget(folder)
        self.start.show_recent(self.session.memory.recent)

    @property
    def page(self) -> str:
        """Which page is shown."""
        return self._page

    @property
    def grid(self) -> GridPage:
        """The grid, made when it is first needed."""
        if self._grid is None:
            self._grid = GridPage(self.session, self.lister, self.view, self.link, self.themes, self.icons)
            self._grid.opened.connect(self._open_place)
            self.pages.addWidget(self._grid)
        return self._grid

    def _open_place(self, key: str, rect: Rect | None) -> None:
        self.show_page(EDITOR)
        self._opener.open(key, rect)

    def show_page(self, page: str) -> None:
        """Shows the editor, the grid or a dashboard, which is made when it is first needed."""
        if self.session.project is None:
            return
        widget: QWidget = self.grid if page == GRID else self.editor
        for dashboard in DASHBOARDS:
            if dashboard.id == page:
                if page not in self._dashboards:
                    self._dashboards[page] = dashboard.make(self.session)
                    self.pages.addWidget(self._dashboards[page])
                widget = self._dashboards[page]
        if page != self._page:
            self._page_before = self._page
        self._page = page
        self.pages.setCurrentWidget(widget)
        self.header.pages.set_value(page)
        self.sync()

    def go_back(self) -> None:
        """Shows the page that was shown before this one."""
        self.show_page(self._page_before)

    def _show_segments(self, query: str, model: str) -> None:
        from segstudio.gui.failures.view import FailuresView

        self.show_page(FAILURES)
        page = self._dashboards.get(FAILURES)
        if isinstance(page, FailuresView):
            page.show_query(query, model)

    # -- looks --------------------------------------------------------------------------------------------

    def choose_theme(self, choice: str) -> None:
        """Switches the theme and remembers it."""
        self.themes.choose(choice)
        self.session.settings.set("theme", choice)
        self.sync()

    def change_text_size(self, by: float) -> None:
        """Makes the interface's text larger or smaller and remembers it."""
        scale = min(max(self.themes.scale + by, SMALLEST_TEXT), LARGEST_TEXT)
        self.themes.set_scale(round(scale, 2))
        self.session.settings.set("text_scale", round(scale, 2))

    def toggle_full_screen(self) -> None:
        """Fills the screen, or not."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)
        self.sync()

    def _restore(self) -> None:
        memory = self.session.memory
        self.resize(1440, 900)
        if memory.geometry:
            self.restoreGeometry(QByteArray.fromBase64(memory.geometry.encode()))
        self.editor.resize(self.size())
        self.editor.set_widths(memory.splitters.get("editor", ()))

    # -- events -------------------------------------------------------------------------------------------

    def changeEvent(self, event: QEvent) -> None:
        """Saves when the window loses the keyboard."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and not self.isActiveWindow():
            self.session.documents.save_all()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes a dragged folder, image or model."""
        if dropped_path(event.mimeData()) is not None:
            event.acceptProposedAction()
            self.start.set_drag_over(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """What was dragged went elsewhere."""
        self.start.set_drag_over(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Opens what was dropped."""
        self.start.set_drag_over(False)
        path = dropped_path(event.mimeData())
        if path is not None:
            event.acceptProposedAction()
            self.dialogs.open_dropped(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Saves everything, ends Jobs, remembers the window; stays if edits could not be saved."""
        self.link.canvas.finish()
        self.link.large_changes.drop()
        problems = {} if self._leaves else self.session.documents.finish(SAVE_SECONDS)
        if problems:
            event.ignore()
            self.session.trouble.leaving.emit(problems, self._leave, lambda: None)
            return
        memory = self.session.memory
        memory.geometry = self.saveGeometry().toBase64().toStdString()
        memory.splitters["editor"] = self.editor.splitter.sizes()
        names = self.session.runs.leave(stop=bool(self.session.settings.get(STOP_SETTING)))
        self.session.close()
        memory.save()
        event.accept()
        if names:
            Farewell(names).show()

    def _leave(self) -> None:
        self._leaves = True
        self.close()


def saved_text(saving: bool, failed: bool, dirty: frozenset[str]) -> str:
    """What the status bar says about unsaved edits."""
    if failed:
        return "Saving failed"
    if saving:
        return "Saving…"
    return "Unsaved" if dirty else "Saved"


def dropped_path(mime: QMimeData) -> Path | None:
    """The file or folder that a drag carries, or None; the disk is not asked while it moves."""
    return next((Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()), None)
