"""Shows folders and pages in the system's own programs."""

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices


def open_folder(path: Path) -> None:
    """Opens a folder or a page with what the system opens such things with."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
