"""Catches what nobody caught: exceptions of all threads, Qt's own messages, and crashes of the process."""

import faulthandler
import logging
import logging.handlers
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import TextIO

from PySide6.QtCore import QMessageLogContext, QObject, Qt, QtMsgType, Signal, qInstallMessageHandler

from segstudio import paths
from segstudio.errors import SegstudioError

LOG = logging.getLogger("segstudio")
QT_LOG = logging.getLogger("segstudio.qt")
LOG_FILE = "segstudio.log"
FAULT_FILE = "crash.log"
LOG_BYTES, LOG_FILES = 1_000_000, 3

QT_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def start_logging() -> Path:
    """Sends the log to a file in the user's log folder; returns its path."""
    path = paths.user_log_dir() / LOG_FILE
    writer = logging.handlers.RotatingFileHandler(
        path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8"
    )
    writer.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(writer)
    root.setLevel(logging.INFO)
    return path


class CrashNet(QObject):
    """Turns uncaught exceptions into signals on the window's thread."""

    problem = Signal(object)
    bug = Signal(str, str)
    _caught = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._faults: TextIO | None = None
        self._old_hooks = (sys.excepthook, threading.excepthook)
        self._caught.connect(self._tell, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        """Takes over the hooks of Python and Qt."""
        sys.excepthook = self._exception
        threading.excepthook = self._thread_exception
        qInstallMessageHandler(qt_message)
        # Python cannot speak any more when the process dies in C++; this writes the stacks all the same.
        self._faults = (paths.user_log_dir() / FAULT_FILE).open("a", encoding="utf-8")
        faulthandler.enable(self._faults)

    def remove(self) -> None:
        """Gives the hooks back."""
        sys.excepthook, threading.excepthook = self._old_hooks
        qInstallMessageHandler(None)
        if self._faults is not None:
            faulthandler.disable()
            self._faults.close()
            self._faults = None

    def _exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._old_hooks[0](kind, error, trace)
            return
        self._caught.emit(error)

    def _thread_exception(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            self._caught.emit(arguments.exc_value)

    def _tell(self, error: BaseException) -> None:
        if isinstance(error, SegstudioError):
            LOG.warning("%s", error)
            self.problem.emit(error)
            return
        trace = "".join(traceback.format_exception(error))
        LOG.error("uncaught: %s", trace)
        self.bug.emit(f"{type(error).__name__}: {error}", trace)


def qt_message(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
    """Writes a message of Qt to the log."""
    QT_LOG.log(QT_LEVELS.get(kind, logging.INFO), "%s", text)
