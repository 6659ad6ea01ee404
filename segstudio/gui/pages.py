"""The window's pages: the editor, the grid, and dashboards that are made when they are first shown."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from segstudio.gui.session import Session

EDITOR, FAILURES, GRID, RUNS, MODELS = "editor", "failures", "samples", "runs", "models"


@dataclass(frozen=True)
class DashboardPage:
    """A dashboard: its id (that of its action, `page.<id>`) and what makes it."""

    id: str
    make: Callable[[Session], QWidget]


def _classes(session: Session) -> QWidget:
    # Imported here: plots load slowly, and most starts never show them.
    from segstudio.gui.dashboards.classes_view import ClassesView

    return ClassesView(session)


def _failures(session: Session) -> QWidget:
    from segstudio.gui.failures.view import FailuresView

    return FailuresView(session)


def _speed(session: Session) -> QWidget:
    from segstudio.gui.dashboards.speed_view import SpeedView

    return SpeedView(session)


def _progress(session: Session) -> QWidget:
    from segstudio.gui.dashboards.progress_view import ProgressView

    return ProgressView(session)


def _runs(session: Session) -> QWidget:
    from segstudio.gui.training.runs_page import RunsPage

    return RunsPage(session)


def _models(session: Session) -> QWidget:
    from segstudio.gui.catalog.view import ModelsView

    return ModelsView(session)


DASHBOARDS = (
    DashboardPage("classes", _classes),
    DashboardPage(FAILURES, _failures),
    DashboardPage("progress", _progress),
    DashboardPage("speed", _speed),
    DashboardPage(RUNS, _runs),
    DashboardPage(MODELS, _models),
)
