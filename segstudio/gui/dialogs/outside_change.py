"""Two states of one mask, yours and another program's: both are shown, and the user says which one stays."""

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QImage, QPixmap
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from segstudio.gui.panels.parts import caption
from segstudio.gui.saving.save_trouble import OutsideReview

PICTURE = 232
Rgb = NDArray[np.uint8]


class OutsideChangeDialog(QDialog):
    """Shows yours, theirs and where they differ; nothing happens to either before a button is pressed."""

    keep_mine = Signal()
    take_theirs = Signal()
    look = Signal()

    def __init__(self, parent: QWidget, review: OutsideReview, colours: Rgb, marks: tuple[Rgb, Rgb]) -> None:
        """`colours` are uint8 [256,3] of the ids, `marks` uint8 [3] of equal and of differing pixels."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Changed by another program")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(12)
        layout.addWidget(caption(f"{review.key} was changed by another program", "large"))
        layout.addLayout(self._make_pictures(review, colours, marks))
        layout.addWidget(caption(facts(review), wrap=True))
        states = f"When it was read or saved here: {review.change.known}. Now: {review.change.found}."
        text = f"{states} What you do not choose is kept as a version."
        layout.addWidget(caption(text, "muted", wrap=True))
        layout.addSpacing(8)
        layout.addLayout(self._make_buttons(review))
        # Wrapped lines ask for too little height unless the width is known.
        width = layout.sizeHint().width()
        self.resize(width, layout.heightForWidth(width))

    def _make_pictures(self, review: OutsideReview, colours: Rgb, marks: tuple[Rgb, Rgb]) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(12)
        differs = review.differs
        table = np.stack(marks)
        pictures = (
            ("Yours, in this window", colours[small(review.mine)]),
            ("Theirs, in the file", None if review.theirs is None else colours[small(review.theirs)]),
            ("Where they differ", None if differs is None else table[small_cover(differs)]),
        )
        ratio = self.devicePixelRatioF()
        for text, picture in pictures:
            column = QVBoxLayout()
            column.setSpacing(4)
            column.addWidget(caption(text, "small"))
            column.addWidget(_picture(picture, review.mine.shape, ratio))
            column.addStretch(1)
            row.addLayout(column)
        return row

    def _make_buttons(self, review: OutsideReview) -> QHBoxLayout:
        self.theirs_button = QPushButton("Take theirs")
        self.theirs_button.setEnabled(review.theirs is not None)
        self.mine_button = QPushButton("Keep mine")
        self.look_button = QPushButton("Look at theirs in the editor")
        self.look_button.setEnabled(review.theirs is not None)
        later = QPushButton("Decide later")
        later.setDefault(True)
        later.clicked.connect(self.reject)
        answers = ((self.theirs_button, self.take_theirs), (self.mine_button, self.keep_mine))
        for button, signal in (*answers, (self.look_button, self.look)):
            button.clicked.connect(self.accept)
            button.clicked.connect(signal)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.look_button)
        buttons.addStretch(1)
        for button in (later, self.theirs_button, self.mine_button):
            buttons.addWidget(button)
        return buttons


def facts(review: OutsideReview) -> str:
    """How much differs, or why the file cannot be compared."""
    differs = review.differs
    if differs is None:
        return f"The file cannot be used: {review.problem}."
    count = int(np.count_nonzero(differs))
    return f"{count:,} pixels differ ({100 * count / differs.size:.1f} % of the mask)."


def small(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A mask uint8 [H,W] at the size of a picture on the sharpest screens; it is never enlarged."""
    height, width = mask.shape
    scale = min(1.0, 2 * PICTURE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def small_cover(cover: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A cover bool [H,W] as 0 and 1 at the size of a picture; a single pixel stays visible."""
    height, width = cover.shape
    step = max(1, -(-max(height, width) // (2 * PICTURE)))
    kernel = np.ones((step, step), np.uint8)
    return small(np.asarray(cv2.dilate(cover.astype(np.uint8), kernel), np.uint8))


def as_rgb(colour: QColor) -> Rgb:
    """A colour as uint8 [3]."""
    return np.array([colour.red(), colour.green(), colour.blue()], np.uint8)


def _picture(rgb: Rgb | None, shape: tuple[int, ...], ratio: float) -> QLabel:
    scale = PICTURE / max(shape[:2])
    width, height = max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))
    picture = QLabel()
    picture.setObjectName("card")
    picture.setFixedSize(width, height)
    picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
    if rgb is None:
        picture.setText("–")
        return picture
    pixels = np.ascontiguousarray(rgb)
    image = QImage(
        pixels.data, pixels.shape[1], pixels.shape[0], pixels.shape[1] * 3, QImage.Format.Format_RGB888
    )
    scaled = image.scaled(round(width * ratio), round(height * ratio))
    scaled.setDevicePixelRatio(ratio)
    picture.setPixmap(QPixmap.fromImage(scaled))
    return picture
