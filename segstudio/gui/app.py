"""Starts the window: application, log, theme, Session, and the folder that was asked for."""

import sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from segstudio.gui.crash_net import CrashNet, start_logging
from segstudio.gui.garbage import GarbageCollector
from segstudio.gui.main_window import MainWindow
from segstudio.gui.memory import load_memory
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.settings import Settings

NAME = "segstudio"


def make_application() -> QApplication:
    """The one QApplication of this process."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    application = QApplication([NAME])
    application.setApplicationName(NAME)
    application.setApplicationDisplayName(NAME)
    application.setDesktopFileName(NAME)
    return application


def make_window(application: QApplication) -> MainWindow:
    """A window with a Session of its own, from the user's settings."""
    settings = Settings.load()
    themes = ThemeSwitch(application, settings.text("theme"), settings.number("text_scale"))
    window = MainWindow(Session(settings, load_memory()), themes)
    GarbageCollector(application)
    return window


def main(folder: Path | None = None) -> int:
    """Shows the window until it is closed; returns the exit code."""
    start_logging()
    application = make_application()
    window = make_window(application)
    net = CrashNet()
    net.problem.connect(window.dialogs.show_problem)
    net.bug.connect(window.dialogs.show_bug)
    net.install()
    window.show()
    if folder is not None:
        # After the first paint, so that the window is there at once.
        QTimer.singleShot(0, lambda: window.dialogs.open_folder(folder.resolve()))
    try:
        return application.exec()
    finally:
        net.remove()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
