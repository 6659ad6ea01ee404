"""Every corruption: form, chance, order of severities; and each beside its formula."""

import colorsys
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from segstudio.corruptions.blur import MOTION, length_scale, streak
from segstudio.corruptions.corrupt import KINDS, NOISE_SEVERITIES, PROTOCOL, SEVERITIES, corrupt
from segstudio.corruptions.digital import BRIGHTNESS, CONTRAST, JPEG_QUALITY, SATURATION
from segstudio.corruptions.noise import GAUSSIAN, IMPULSE, SHOT, SPECKLE
from segstudio.corruptions.texture import clouds, ice
from segstudio.errors import InputError
from segstudio.scenes.street import draw_scene

Array = NDArray[np.uint8]
SCENE = draw_scene(2, 96, 128).image
GREY = np.full((128, 128, 3), 128, np.uint8)


def change(image: Array, kind: str, severity: int, seed: int = 1) -> float:
    """Mean absolute difference in grey levels."""
    return float(np.abs(corrupt(image, kind, severity, seed).astype(int) - image).mean())


def sharpness(image: Array) -> float:
    """Variance of a Laplacian: what blurs take away."""
    grey = image.astype(float).mean(2)
    across = grey[1:-1, 2:] + grey[1:-1, :-2] + grey[2:, 1:-1] + grey[:-2, 1:-1] - 4 * grey[1:-1, 1:-1]
    return float(across.var())


def test_sixteen_kinds_in_four_groups_and_72_passes() -> None:
    groups = [kind.group for kind in KINDS.values()]
    assert sorted(groups) == sorted(["blur", "noise", "digital", "weather"] * 4)
    assert len(PROTOCOL) == len(set(PROTOCOL)) == 72
    assert list(dict.fromkeys(kind for kind, _ in PROTOCOL)) == list(KINDS)
    for name, kind in KINDS.items():
        wanted = NOISE_SEVERITIES if kind.group == "noise" else SEVERITIES
        assert tuple(severity for other, severity in PROTOCOL if other == name) == wanted


def test_unknown_kinds_and_severities_are_refused() -> None:
    with pytest.raises(InputError, match="no corruption 'rain'"):
        corrupt(GREY, "rain", 1, 0)
    for severity in (0, 6):
        with pytest.raises(InputError, match="severities are 1 to 5"):
            corrupt(GREY, "fog", severity, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_bytes(kind: str) -> None:
    before = SCENE.copy()
    first = corrupt(SCENE, kind, 3, 11)
    # The global generator has no part in it, and is left alone.
    np.random.seed(4)  # noqa: NPY002 - what is tested
    expected = np.random.random()  # noqa: NPY002 - what is tested
    np.random.seed(4)  # noqa: NPY002 - what is tested
    assert np.array_equal(first, corrupt(SCENE, kind, 3, 11))
    assert np.random.random() == expected  # noqa: NPY002 - what is tested
    assert np.array_equal(SCENE, before)
    constant = KINDS[kind].group == "digital" or kind in ("defocus_blur", "gaussian_blur")
    assert np.array_equal(first, corrupt(SCENE, kind, 3, 12)) == constant


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(list(KINDS)),
    st.sampled_from(SEVERITIES),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(["noise", "grey", "black", "white"]),
)
def test_form_is_kept_for_any_size(kind: str, severity: int, height: int, width: int, look: str) -> None:
    image = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    if look != "noise":
        image[:] = {"grey": 90, "black": 0, "white": 255}[look]
    out = corrupt(image, kind, severity, 3)
    assert out.shape == image.shape
    assert out.dtype == np.uint8
    if look != "noise" and KINDS[kind].group == "blur":
        assert np.abs(out.astype(int) - image).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (3, 300), (300, 3)])
@pytest.mark.parametrize("kind", KINDS)
def test_odd_shapes(kind: str, shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert corrupt(image, kind, 5, 0).shape == image.shape


@pytest.mark.parametrize(
    "kind", [name for name in KINDS if name not in ("saturate", "spatter", "fog", "frost")]
)
def test_severities_rise(kind: str) -> None:
    changes = [np.mean([change(SCENE, kind, severity, seed) for seed in range(3)]) for severity in SEVERITIES]
    assert changes == sorted(changes)
    assert changes[4] > 1.15 * changes[0]


def test_severities_of_the_others_rise_by_their_own_measures() -> None:
    # Colours fade, then glare.
    faded = [change(SCENE, "saturate", severity) for severity in (1, 2)]
    glaring = [change(SCENE, "saturate", severity) for severity in (3, 4, 5)]
    assert faded == sorted(faded)
    assert glaring == sorted(glaring)
    # Water covers more of the picture, then mud does.
    covered = [
        float((corrupt(GREY, "spatter", severity, 2) != GREY).any(2).mean()) for severity in SEVERITIES
    ]
    assert covered[:3] == sorted(covered[:3])
    assert covered[3] < covered[4]
    assert 0.01 < covered[0] < 0.3
    # Frost lets less of the picture through.
    dim, light = np.full_like(GREY, 30), np.full_like(GREY, 60)
    through = [
        float((corrupt(light, "frost", s, 2).astype(int) - corrupt(dim, "frost", s, 2)).mean())
        for s in SEVERITIES
    ]
    assert through == sorted(through, reverse=True)
    assert abs(through[0] - 30) < 1
    # Fog takes contrast.
    contrast = [
        np.mean([corrupt(SCENE, "fog", severity, seed).std() for seed in range(4)]) for severity in (1, 3, 5)
    ]
    assert contrast[0] < SCENE.std()
    edges = [np.mean([sharpness(corrupt(SCENE, "fog", s, seed)) for seed in range(4)]) for s in (1, 2)]
    assert edges[0] > edges[1]


def test_blurs_take_detail_away() -> None:
    for kind in ("motion_blur", "defocus_blur", "gaussian_blur"):
        left = [sharpness(corrupt(SCENE, kind, severity, 1)) for severity in SEVERITIES]
        assert sharpness(SCENE) > left[0] > left[2] > left[4]


@pytest.mark.parametrize("severity", SEVERITIES)
def test_noise_has_its_formulas_statistics(severity: int) -> None:
    index = severity - 1
    # Where little is clipped the deviation is that of the formula, in units of the full range.
    level = 128 / 255
    found = corrupt(GREY, "gaussian_noise", severity, 5).astype(float) / 255
    free = np.random.default_rng(0).normal(level, GAUSSIAN[index], 200_000).clip(0, 1)
    assert abs(found.std() - free.std()) < 0.02 * free.std()
    found = corrupt(GREY, "speckle_noise", severity, 5).astype(float) / 255
    free = np.random.default_rng(0).normal(level, SPECKLE[index] * level, 200_000).clip(0, 1)
    assert abs(found.std() - free.std()) < 0.02 * free.std()
    dark = np.full_like(GREY, 26)
    counts = corrupt(dark, "shot_noise", severity, 5).astype(float) / 255 * SHOT[index]
    # A Poisson's variance is its mean; values are counts of photons.
    expected = 26 / 255 * SHOT[index]
    assert abs(counts.mean() - expected) < 0.03 * expected + 0.005
    assert abs(counts.var() - expected) < 0.06 * expected + 0.01
    struck = corrupt(GREY, "impulse_noise", severity, 5)
    for value in (0, 255):
        assert abs((struck == value).mean() - IMPULSE[index] / 2) < 0.004


@pytest.mark.parametrize("severity", SEVERITIES)
def test_digital_kinds_equal_their_formulas(severity: int) -> None:
    index = severity - 1
    mean = SCENE.mean((0, 1))
    expected = np.clip((SCENE - mean) * CONTRAST[index] + mean, 0, 255)
    assert np.abs(corrupt(SCENE, "contrast", severity, 0) - expected).max() < 0.51
    colours = np.random.default_rng(3).integers(0, 256, (1, 60, 3), dtype=np.uint8)
    brighter, saturated = [], []
    for red, green, blue in colours[0] / 255:
        hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
        brighter.append(colorsys.hsv_to_rgb(hue, saturation, min(1, value + BRIGHTNESS[index])))
        gain, offset = SATURATION[index]
        saturated.append(colorsys.hsv_to_rgb(hue, min(1, saturation * gain + offset), value))
    for kind, wanted in (("brightness", brighter), ("saturate", saturated)):
        assert np.abs(corrupt(colours, kind, severity, 0)[0] - 255 * np.array(wanted)).max() < 1.01
    stream = io.BytesIO()
    Image.fromarray(SCENE).save(stream, "JPEG", quality=JPEG_QUALITY[index])
    assert np.array_equal(corrupt(SCENE, "jpeg_compression", severity, 0), np.asarray(Image.open(stream)))


def point(side: int = 101) -> Array:
    image = np.zeros((side, side, 3), np.uint8)
    image[side // 2, side // 2] = 255
    return image


def test_blurred_points_show_their_kernels() -> None:
    white = 255 - np.zeros((101, 101, 3), np.uint8)
    edge = white.copy()
    edge[:, :50] = 0
    for severity, sigma in enumerate((1, 2, 3, 4, 6), 1):
        step = corrupt(edge, "gaussian_blur", severity, 0)[50, :, 0].astype(float)
        density = np.diff(step) / 255
        place = np.arange(100) - (density * np.arange(100)).sum()
        assert abs(np.sqrt((density * place**2).sum()) - sigma) < 0.06
    for severity, radius in enumerate((3, 4, 6, 8, 10), 1):
        step = corrupt(edge, "defocus_blur", severity, 0)[50, :, 0].astype(float)
        reach = int(((step > 0) & (step < 255)).sum())
        assert abs(reach - 2 * radius) <= 3
    # Glass moves light by no more than its moves and blurs allow.
    lit = corrupt(point(), "glass_blur", 5, 0)[:, :, 0].nonzero()
    assert max(np.abs(lit[0] - 50).max(), np.abs(lit[1] - 50).max()) <= 2 * 4 + 2 * 6


def test_motion_is_a_fading_line_at_its_angle() -> None:
    for (radius, sigma), angle in zip(MOTION, (-0.7, -0.2, 0.0, 0.4, 0.75), strict=True):
        field = np.zeros((121, 121), np.float32)
        field[60, 60] = 1
        out = streak(field, radius, sigma, angle).astype(float)
        assert abs(out.sum() - 1) < 1e-4
        rows, columns = np.indices(out.shape) - 60.0
        x, y = (out * columns).sum(), (out * rows).sum()
        weights = np.exp(-0.5 * (np.arange(2 * radius + 1) / sigma) ** 2)
        mean = (weights * np.arange(2 * radius + 1)).sum() / weights.sum()
        assert abs(np.hypot(x, y) - mean) < 0.1
        # Light comes from one side: the picture moved the other way along the line.
        assert abs(abs(np.cos(angle) * x + np.sin(angle) * y) - mean) < 0.1
        across = -np.sin(angle) * columns + np.cos(angle) * rows
        assert np.sqrt((out * across**2).sum()) < 0.7


def test_snow_whitens_and_mud_is_brown() -> None:
    dark = np.full((96, 96, 3), 40, np.uint8)
    snowy = corrupt(dark, "snow", 2, 3).astype(float)
    # 0.7 of the picture, 0.3 of it whitened, and flakes on top of that.
    floor = 0.7 * 40 + 0.3 * (1.5 * 40 + 127.5)
    assert abs(snowy.min() - floor) < 1.5
    assert (snowy > floor + 20).mean() > 0.02
    muddy = corrupt(np.full((96, 96, 3), 200, np.uint8), "spatter", 5, 3)
    thick = muddy[muddy[:, :, 0] < 90]
    assert thick.size > 100
    assert (thick[:, 0] > thick[:, 1]).all()
    assert (thick[:, 1] > thick[:, 2]).all()


def test_fog_keeps_the_brightest_value_in_range_and_veils() -> None:
    image = SCENE.copy()
    image[0, 0] = 255
    veil = clouds((96, 128), 2.0, np.random.default_rng(7))
    expected = np.clip((image / 255 + 1.5 * veil[:, :, None]) / (1 + 1.5), 0, 1) * 255
    assert np.abs(corrupt(image, "fog", 1, 7) - expected).max() < 0.52


def test_frost_is_densest_at_the_rim() -> None:
    fields = [ice((96, 128), np.random.default_rng(seed)) for seed in range(6)]
    field = np.mean(fields, axis=0)
    assert field.dtype == np.float32
    assert 0.25 < field.mean() < 0.7
    assert field[:12].mean() > 1.2 * field[36:60, 40:88].mean()
    assert min(float(one.std()) for one in fields) > 0.08


def test_lengths_grow_with_images_beyond_the_benchmarks() -> None:
    assert length_scale((1024, 2048, 3)) == length_scale((360, 480)) == 1
    assert length_scale((2048, 4096)) == 2
    wide = np.zeros((4, 4096, 3), np.uint8)
    wide[:, 2048:] = 255
    step = corrupt(wide, "gaussian_blur", 5, 0)[2, :, 0].astype(float)
    density = np.diff(step) / 255
    place = np.arange(4095) - (density * np.arange(4095)).sum()
    assert abs(np.sqrt((density * place**2).sum()) - 12) < 0.1
