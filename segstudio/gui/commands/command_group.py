"""What commands need of the window, and the base of their groups."""

from typing import Protocol

from segstudio.gui.correcting.corrections import Corrections
from segstudio.gui.correcting.editing import Editing
from segstudio.gui.dialogs.opener import Dialogs
from segstudio.gui.models.adapting import Adapting
from segstudio.gui.models.judgements import Judgements
from segstudio.gui.panels.editor_page import EditorPage
from segstudio.gui.panels.grid_page import GridPage
from segstudio.gui.panels.job_strip import JobStrip
from segstudio.gui.review.review_desk import ReviewDesk
from segstudio.gui.session import Session
from segstudio.gui.view.canvas_link import CanvasLink
from segstudio.gui.view.view_state import ViewState


class Window(Protocol):
    """What commands need of the main window."""

    session: Session
    editing: Editing
    view: ViewState
    link: CanvasLink
    editor: EditorPage
    dialogs: Dialogs
    corrections: Corrections
    judgements: Judgements
    adapting: Adapting
    review: ReviewDesk
    job_strip: JobStrip

    @property
    def page(self) -> str:
        """Which page is shown."""
        ...

    @property
    def grid(self) -> GridPage:
        """The grid, made when it is first needed."""
        ...

    def show_page(self, page: str) -> None:
        """Shows a page."""

    def go_back(self) -> None:
        """Shows the page of before."""

    def choose_theme(self, choice: str) -> None:
        """Switches the theme."""

    def change_text_size(self, by: float) -> None:
        """Makes text larger or smaller."""

    def toggle_full_screen(self) -> None:
        """Fills the screen, or not."""

    def close(self) -> bool:
        """Closes the window."""
        ...


class CommandGroup:
    """Commands that share a prefix of their action's id."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.session = window.session
