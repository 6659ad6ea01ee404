"""The window's pages: the editor, and dashboards that are made when they are first shown."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from segstudio.gui.session import Session

EDITOR = "editor"


@dataclass(frozen=True)
class DashboardPage:
    """A dashboard: its id (that of its action, `page.<id>`) and what makes it."""

    id: str
    make: Callable[[Session], QWidget]


def _classes(session: Session) -> QWidget:
    # Imported here: plots load slowly, and most starts never show them.
    from segstudio.gui.dashboards.classes_view import ClassesView

    return ClassesView(session)


def _speed(session: Session) -> QWidget:
    from segstudio.gui.dashboards.speed_view import SpeedView

    return SpeedView(session)


def _runs(session: Session) -> QWidget:
    from segstudio.gui.dashboards.runs_view import RunsView

    return RunsView(session)


DASHBOARDS = (
    DashboardPage("classes", _classes),
    DashboardPage("speed", _speed),
    DashboardPage("runs", _runs),
)
