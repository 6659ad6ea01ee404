"""The 16 corruptions of Cityscapes-C by name, and the protocol of its benchmark.

Kinds and severities are those of ImageNet-C (Hendrycks and Dietterich, arXiv 1903.12261); which of them make
Cityscapes-C, and that noise stops at severity 3, follows the SegFormer paper (arXiv 2105.15203, table 5) and
Kamann and Rother (arXiv 1908.05005). Lengths are as published up to 2048 pixels and grow with larger images.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.corruptions import blur, digital, noise, weather
from segstudio.errors import InputError

Picture = NDArray[np.float32]
SEVERITIES = (1, 2, 3, 4, 5)
# Under stronger noise every network fails alike.
NOISE_SEVERITIES = (1, 2, 3)


@dataclass(frozen=True)
class Kind:
    """A corruption: its group (blur, noise, digital, weather) and its function.

    The function takes float32 RGB [H,W,3] in 0-1, a severity 1-5 and the source of chance, leaves its image
    as it is, and returns the same form, to be clipped.
    """

    group: str
    apply: Callable[[Picture, int, np.random.Generator], Picture]


KINDS: dict[str, Kind] = {
    "motion_blur": Kind("blur", blur.motion),
    "defocus_blur": Kind("blur", blur.defocus),
    "glass_blur": Kind("blur", blur.glass),
    "gaussian_blur": Kind("blur", blur.gaussian),
    "gaussian_noise": Kind("noise", noise.gaussian),
    "impulse_noise": Kind("noise", noise.impulse),
    "shot_noise": Kind("noise", noise.shot),
    "speckle_noise": Kind("noise", noise.speckle),
    "brightness": Kind("digital", digital.brightness),
    "contrast": Kind("digital", digital.contrast),
    "saturate": Kind("digital", digital.saturate),
    "jpeg_compression": Kind("digital", digital.jpeg),
    "snow": Kind("weather", weather.snow),
    "spatter": Kind("weather", weather.spatter),
    "fog": Kind("weather", weather.fog),
    "frost": Kind("weather", weather.frost),
}
# (kind, severity) of the 72 passes over a validation set, in the paper's order.
PROTOCOL: tuple[tuple[str, int], ...] = tuple(
    (name, severity)
    for name, kind in KINDS.items()
    for severity in (NOISE_SEVERITIES if kind.group == "noise" else SEVERITIES)
)


def corrupt(image: NDArray[np.uint8], kind: str, severity: int, seed: int) -> NDArray[np.uint8]:
    """A corrupted copy of an image.

    Args:
        image: uint8 [H,W,3] RGB.
        kind: a name of KINDS.
        severity: 1 (mild) to 5.
        seed: 0 or more; the same seed gives the same bytes.

    Returns:
        uint8 [H,W,3].

    Raises:
        InputError: the kind or severity is unknown.
    """
    if kind not in KINDS:
        raise InputError(f"there is no corruption {kind!r}", hint=f"use one of {', '.join(KINDS)}")
    if severity not in SEVERITIES:
        raise InputError(f"{kind} has no severity {severity!r}", hint="severities are 1 to 5")
    picture = image.astype(np.float32) / np.float32(255)
    out = KINDS[kind].apply(picture, severity, np.random.default_rng(seed))
    whole: NDArray[np.uint8] = np.rint(np.clip(out, 0, 1) * np.float32(255)).astype(np.uint8)
    return whole
