"""Changes of colour, blur and noise by given amounts: uint8 RGB [H,W,3] in and out."""

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.training.augment.geometry import Image

LEVELS = np.arange(256, dtype=np.float64)
# ITU-R BT.601, as Pillow and OpenCV turn colours to grey.
GREY = np.array([0.299, 0.587, 0.114])
# OpenCV's 8-bit hue counts in steps of two degrees.
HUES = 180


def by_curve(image: Image, curve: NDArray[np.float64]) -> Image:
    """Replaces every value v by curve[v], clipped to 0-255 and cut to whole numbers."""
    return _uint8(cv2.LUT(image, np.clip(curve, 0, 255).astype(np.uint8)))


def brighten(image: Image, factor: float) -> Image:
    """Values times a factor: Pillow's ImageEnhance.Brightness."""
    return by_curve(image, LEVELS * factor)


def change_contrast(image: Image, factor: float) -> Image:
    """Distances from the mean grey times a factor: Pillow's ImageEnhance.Contrast."""
    mean = int(cv2.mean(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[0] + 0.5)
    return by_curve(image, mean + factor * (LEVELS - mean))


def saturate(image: Image, factor: float) -> Image:
    """Distances of each pixel from its grey times a factor: Pillow's ImageEnhance.Color, up to rounding."""
    return _uint8(cv2.transform(image, factor * np.eye(3) + (1 - factor) * GREY))


def turn_hue(image: Image, turns: float) -> Image:
    """Moves hues by a part of the circle, in 256 steps: torchvision's adjust_hue on 8-bit images."""
    steps = int(turns * 255) % 256
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
    # Unsigned bytes wrap, as the circle does.
    hsv[:, :, 0] += np.uint8(steps)
    return _uint8(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL))


def change_hsv(image: Image, gain: float, shift: int) -> Image:
    """Saturation times a gain and hue moved by `shift` steps of two degrees, in the HSV cone."""
    if gain == 1 and shift == 0:
        return image
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    table = np.stack([(LEVELS + shift) % HUES, np.clip(LEVELS * gain, 0, 255), LEVELS], axis=1)
    hsv = cv2.LUT(hsv, table.astype(np.uint8)[None])
    return _uint8(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def blur(image: Image, sigma: float) -> Image:
    """Gaussian blur by a standard deviation in pixels; nothing below a tenth of one."""
    if sigma < 0.1:
        return image
    return _uint8(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))


def add_noise(image: Image, deviation: float, generator: np.random.Generator) -> Image:
    """Adds Gaussian noise of a standard deviation in grey levels to each value."""
    noise = generator.standard_normal(image.shape, np.float32)
    noise *= deviation
    noise += image
    return _uint8(np.clip(np.rint(noise, out=noise), 0, 255, out=noise))


def _uint8(image: NDArray[np.generic] | cv2.typing.MatLike) -> Image:
    return np.ascontiguousarray(image, np.uint8)
