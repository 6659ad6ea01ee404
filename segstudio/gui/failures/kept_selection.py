"""Which segments are selected in a list, and how they stay so when the list is filled anew."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QItemSelection, QItemSelectionModel, QItemSelectionRange, QObject
from PySide6.QtWidgets import QTableView

from segstudio.gui.failures.book import FailureBook
from segstudio.gui.failures.orders import Rows

NONE: Rows = np.zeros(0, np.int64)
# Qt compares every stretch with every other: a selection in more pieces would hold up the window.
MOST_STRETCHES = 2000


class KeptSelection(QObject):
    """Selects again what was selected before its view's model was reset, as far as it is still there."""

    def __init__(
        self,
        view: QTableView,
        book: FailureBook,
        rows: Callable[[], Rows],
        across: Callable[[], int] | None,
    ) -> None:
        """`rows` gives the segments in the view, int64 [n], `across` how many stand in a line; without it
        a line is one segment.
        """
        super().__init__(view)
        self._view = view
        self._book = book
        self._rows = rows
        self._across = across
        self._kept = NONE
        view.model().modelAboutToBeReset.connect(self._remember)
        view.model().modelReset.connect(self._restore)

    def selected(self) -> Rows:
        """int64 [m]: the selected segments, in the order of the view."""
        rows = self._rows()
        flags = np.zeros(len(rows), bool)
        # Stretches, not cells: there may be a hundred thousand.
        found = self._view.selectionModel().selection()
        for stretch in (found.at(number) for number in range(found.count())):
            lines = np.arange(stretch.top(), stretch.bottom() + 1)
            if self._across is not None:
                columns = np.arange(stretch.left(), stretch.right() + 1)
                lines = (lines[:, None] * self._across() + columns).ravel()
            flags[lines[lines < len(rows)]] = True
        return rows[flags]

    def _remember(self) -> None:
        self._kept = self.selected()

    def _restore(self) -> None:
        """Several stay selected, with the current one among them; a single one follows the book."""
        kept, self._kept = self._kept, NONE
        if len(kept) < 2:
            return
        flags = np.isin(self._rows(), kept)
        ends = np.flatnonzero(np.diff(np.concatenate(([0], flags.view(np.int8), [0]))))
        if not len(ends) or len(ends) > 2 * MOST_STRETCHES:
            return
        chosen = QItemSelection()
        for first, behind in ends.reshape(-1, 2).tolist():
            self._add(chosen, first, behind - 1)
        selection, signs = self._view.selectionModel(), QItemSelectionModel.SelectionFlag
        selection.select(chosen, signs.ClearAndSelect)
        place = self._book.position(self._book.current)
        place = place if place >= 0 and flags[place] else int(ends[0])
        across = self._across() if self._across is not None else 1
        index = self._view.model().index(*divmod(place, across))
        selection.setCurrentIndex(index, signs.NoUpdate)
        self._view.scrollTo(index)

    def _add(self, chosen: QItemSelection, first: int, last: int) -> None:
        """A stretch of segments: whole lines, and what is left of the first and the last one."""
        if self._across is None:
            self._box(chosen, first, 0, last, self._view.model().columnCount() - 1)
            return
        across = self._across()
        (top, left), (bottom, right) = divmod(first, across), divmod(last, across)
        if top == bottom:
            self._box(chosen, top, left, bottom, right)
            return
        self._box(chosen, top, left, top, across - 1)
        if bottom - top > 1:
            self._box(chosen, top + 1, 0, bottom - 1, across - 1)
        self._box(chosen, bottom, 0, bottom, right)

    def _box(self, chosen: QItemSelection, top: int, left: int, bottom: int, right: int) -> None:
        model = self._view.model()
        chosen.append(QItemSelectionRange(model.index(top, left), model.index(bottom, right)))
