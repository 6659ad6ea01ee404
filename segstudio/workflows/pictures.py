"""Pictures that show what a network did: image, truth and prediction side by side."""

import cv2
import numpy as np
from numpy.typing import NDArray

BAR_PIXELS = 10


def side_by_side(*pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB pictures [H,W,3] in a row with black bars between them, all at the size of the last one."""
    height, width = pictures[-1].shape[:2]
    bar = np.zeros((height, BAR_PIXELS, 3), np.uint8)
    parts = []
    for picture in pictures:
        if picture.shape[:2] != (height, width):
            picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
        parts += [bar, picture]
    return np.concatenate(parts[1:], axis=1)
