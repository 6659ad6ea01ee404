"""The first view of the classes dashboard: means in tiles, the table of classes, what its colours mean."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from segstudio.gui.dashboards.chart import swatch
from segstudio.gui.dashboards.class_table import ClassTable, percent, scores_csv, short
from segstudio.gui.dashboards.plot_colours import KIND_COLOURS, class_colours, kind_words, theme_of
from segstudio.gui.dashboards.plot_tools import PlotMenu
from segstudio.gui.dashboards.tiles import TileRow
from segstudio.gui.panels.parts import caption
from segstudio.gui.session import Session
from segstudio.workflows.class_scores import ClassScores
from segstudio.workflows.scoreboard import Scoreboard

TILES = {
    "miou": ("mIoU", "mean over classes that occur"),
    "boundary": ("Edge IoU", "mean boundary IoU"),
    "macc": ("mAcc", "mean recall"),
    "aacc": ("aAcc", "share of right pixels"),
    "samples": ("Samples", "with mask and prediction"),
}
PLAIN = "Fractions are summed over all samples before dividing; absent classes do not count."
COUNTED = "Borders, regions and kinds of errors were not measured for all samples: press Evaluate."


class ClassScoresView(QWidget):
    """Tiles, and a table with a bar a class."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.tiles = TileRow(TILES)
        self.table = ClassTable()
        self.key = QLabel()
        self.key.setTextFormat(Qt.TextFormat.RichText)
        self.protocol = caption("", "small", wrap=True)
        self.tools = PlotMenu(session, self, self.to_csv)
        self._board: Scoreboard | None = None
        foot = QHBoxLayout()
        foot.addWidget(self.key, 1)
        foot.addWidget(self.tools)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(self.tiles)
        layout.addWidget(self.table, 1)
        layout.addLayout(foot)
        layout.addWidget(self.protocol)

    def show_scores(self, found: ClassScores) -> None:
        """Shows other scores."""
        if found.board is None:
            return
        self._board = found.board
        self.table.show_scoreboard(found.board, class_colours(found.palette))
        self._show_key(found.board)
        self._show_tiles(found.board)

    def to_csv(self) -> str:
        """A row a class."""
        return scores_csv(self._board) if self._board is not None else ""

    def _show_key(self, board: Scoreboard) -> None:
        theme = theme_of(self.palette())
        words = [
            swatch(kind_words(kind), QColor(colour), theme, "■") for kind, colour in KIND_COLOURS.items()
        ]
        self.key.setText("&nbsp;&nbsp; ".join(words))
        self.key.setVisible(board.is_detailed)

    def _show_tiles(self, board: Scoreboard) -> None:
        figures = {
            "miou": board.miou, "boundary": board.boundary_miou, "macc": board.macc, "aacc": board.aacc
        }  # fmt: skip
        for key, value in figures.items():
            self.tiles.show_figure(key, "–" if value is None else f"{percent(value)} %")
        self.tiles.show_figure("samples", str(board.samples))
        remark = TILES["miou"][1]
        if board.miou_interval is not None:
            remark = f"95 %: {'–'.join(short(end) for end in board.miou_interval)}"
        compared = board.comparison
        if compared is not None and compared.miou is not None:
            remark += f"  ·  {compared.name}: {percent(compared.miou)} %"
            if compared.our_miou is not None:
                remark += f", here {percent(compared.our_miou)} % on the same samples"
        self.tiles.show_figure("miou", self.tiles.tiles["miou"].figure, remark)
        sentences = [PLAIN if compared is None else compared.about]
        if not board.is_detailed:
            sentences.append(COUNTED)
        self.protocol.setText(" ".join(sentences))
