"""What was saved last of the open sample, for tools that restore it."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from segstudio.gui.session import Session


class SavedMask(QObject):
    """Follows the mask file of the open sample, without reading it again."""

    changed = Signal(object)

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        session.sample_opened.connect(self._opened)
        session.documents.saved.connect(self._saved)

    def _opened(self, _: str) -> None:
        loaded = self._session.loaded
        self.changed.emit(loaded.mask if loaded is not None else None)

    def _saved(self, key: str, pixels: NDArray[np.uint8], _: object) -> None:
        if key == self._session.current:
            self.changed.emit(pixels)
