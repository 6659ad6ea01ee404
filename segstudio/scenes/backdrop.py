"""Draws the sky, the distance, the ground and the houses of a street."""

import cv2
import numpy as np

from segstudio.scenes.furniture import leaf_colour
from segstudio.scenes.painter import SUPERSAMPLING, Camera, Canvas, patch

ROAD, SIDEWALK, BUILDING, VEGETATION, TERRAIN, SKY = 0, 1, 2, 8, 9, 10
FAR = 140.0
NEAR = 0.9
FACADES = (
    (150, 122, 98), (168, 158, 142), (124, 78, 62), (196, 188, 172), (112, 108, 104), (140, 100, 80),
    (90, 86, 84), (180, 150, 110), (206, 200, 192),
)  # fmt: skip


def draw_sky(canvas: Canvas, camera: Camera) -> None:
    """A gradient from clear blue to overcast white, with soft clouds; what is not painted over stays sky."""
    random = canvas.random
    clear = random.uniform(0, 1)
    top = np.array([86, 132, 190]) * clear + np.array([196, 202, 208]) * (1 - clear)
    low = np.array([196, 212, 226]) * clear + np.array([226, 228, 230]) * (1 - clear)
    light = random.uniform(0.72, 1.12)
    share = np.linspace(0, 1, canvas.height, dtype=np.float32)[:, None, None]
    canvas.image[:] = (top * (1 - share) + low * share) * light
    canvas.mask[:] = SKY
    if random.random() < 0.65:
        noise = random.random((10, 14)).astype(np.float32)
        noise += 0.5 * np.asarray(cv2.resize(random.random((24, 30)).astype(np.float32), (14, 10)))
        clouds = np.asarray(cv2.resize(noise, (canvas.width, canvas.height), interpolation=cv2.INTER_CUBIC))
        cover = np.clip((clouds - random.uniform(0.6, 1.0)) * 2, 0, 0.8)[:, :, None].astype(np.float32)
        shine = np.float32(238 * min(light, 1.0))
        canvas.image[:] = canvas.image * (1 - cover) + shine * cover


def draw_distance(canvas: Canvas, camera: Camera) -> None:
    """Trees and houses where the street ends, hazy."""
    random = canvas.random
    width = canvas.width / SUPERSAMPLING
    x = -20.0
    while x < width + 20:
        step = random.uniform(0.04, 0.16) * width
        height = random.uniform(0.01, 0.1) * width
        haze = random.uniform(0.2, 0.5)
        if random.random() < 0.55:
            leaves = leaf_colour(random) * (1 - haze) + 190 * haze
            canvas.foliage((x + step / 2, camera.horizon), (step * 0.8, height), VEGETATION, leaves, lumps=8)
        else:
            tint = np.array(FACADES[int(random.integers(9))], np.float32) * (1 - haze) + 195 * haze
            top = camera.horizon - height
            box = [(x, top), (x + step, top), (x + step, camera.horizon + 2), (x, camera.horizon + 2)]
            canvas.polygon(box, BUILDING, tint)
        x += step * random.uniform(0.5, 1.0)


def draw_ground(
    canvas: Canvas, camera: Camera, half_road: float, pavements: tuple[float, float], verge: int
) -> None:
    """Verge, pavements with kerbs, the road with its marks."""
    random = canvas.random
    width = canvas.width / SUPERSAMPLING
    bottom = canvas.height / SUPERSAMPLING + 2
    soil = leaf_colour(random) * 0.9 + 20 if verge == TERRAIN else np.array([140, 134, 128], np.float32)
    field = [(-2, camera.horizon), (width + 2, camera.horizon), (width + 2, bottom), (-2, bottom)]
    canvas.polygon(field, verge, soil, grain=12)
    slab = np.array([150, 144, 138], np.float32) * random.uniform(0.75, 1.2)
    for side, broad in zip((-1, 1), pavements, strict=True):
        if broad <= 0:
            continue
        strip(canvas, camera, side * half_road, side * (half_road + broad), SIDEWALK, slab, grain=8)
        for along in np.geomspace(2, 40, 14):
            start = camera.point(side * half_road, 0, along)
            canvas.line(start, camera.point(side * (half_road + broad), 0, along), 0.6, SIDEWALK, slab * 0.86)
        strip(canvas, camera, side * half_road, side * (half_road + 0.18), SIDEWALK, slab * 1.14, grain=4)
    asphalt = np.array([96, 96, 98], np.float32) * random.uniform(0.62, 1.35) + random.normal(0, 4, 3)
    strip(canvas, camera, -half_road, half_road, ROAD, asphalt, grain=9)
    for _ in range(int(random.integers(0, 4))):
        across, along = random.uniform(-half_road, half_road), random.uniform(3, 20)
        x, y = camera.point(across, 0, along)
        metre = camera.scale(along)
        stain = asphalt * random.uniform(0.8, 1.15)
        right, lower = x + 0.8 * metre, y + 0.15 * metre
        blot = [(x - metre, y), (x + metre, y), (right, lower), (x - metre, lower)]
        canvas.polygon(blot, None, stain, grain=9)
    draw_marks(canvas, camera, half_road)


def draw_marks(canvas: Canvas, camera: Camera, half_road: float) -> None:
    """Lane marks, edge lines and sometimes a zebra crossing: all of them are road."""
    random = canvas.random
    white = np.array([214, 212, 204], np.float32) * random.uniform(0.75, 1.1)
    for across in ([0.0], [-half_road / 3, half_road / 3], [])[int(random.integers(3))]:
        along = random.uniform(1.5, 4)
        while along < 60:
            dash(canvas, camera, across, along, along + 2.2, 0.12, white)
            along += 5.5
    if random.random() < 0.5:
        for side in (-1, 1):
            dash(canvas, camera, side * (half_road - 0.35), 1.2, 80, 0.11, white)
    if random.random() < 0.25:
        near = random.uniform(5, 14)
        for across in np.arange(-half_road + 0.3, half_road - 0.3, 1.0):
            dash(canvas, camera, across + 0.25, near, near + 2.6, 0.5, white)


def dash(
    canvas: Canvas, camera: Camera, right: float, near: float, far: float, width: float, colour: np.ndarray
) -> None:
    """A painted rectangle on the road."""
    corners = [
        camera.point(right - width / 2, 0, far), camera.point(right + width / 2, 0, far),
        camera.point(right + width / 2, 0, near), camera.point(right - width / 2, 0, near),
    ]  # fmt: skip
    canvas.polygon(corners, ROAD, colour)


def strip(
    canvas: Canvas,
    camera: Camera,
    left: float,
    right: float,
    class_id: int,
    colour: np.ndarray,
    *,
    grain: float,
) -> None:
    """A band of ground from the lens to the horizon."""
    corners = [
        camera.point(left, 0, FAR), camera.point(right, 0, FAR),
        camera.point(right, 0, NEAR), camera.point(left, 0, NEAR),
    ]  # fmt: skip
    canvas.polygon(corners, class_id, colour, grain=grain)


def draw_building(canvas: Canvas, camera: Camera, right: float, near: float, far: float) -> None:
    """A house along the street: the facade and, where it sticks out, its near end."""
    random = canvas.random
    storeys = int(random.integers(2, 7))
    height = storeys * 3.1 + random.uniform(0.3, 1.5)
    tint = np.array(FACADES[int(random.integers(9))], np.float32) + random.normal(0, 10, 3).astype(np.float32)
    light = random.uniform(0.7, 1.1)
    outside = right + np.sign(right) * 14
    end = [
        camera.point(right, height, near), camera.point(outside, height, near),
        camera.point(outside, 0, near), camera.point(right, 0, near),
    ]  # fmt: skip
    canvas.polygon(end, BUILDING, tint * light * 0.9, grain=9)
    facade = [
        camera.point(right, height, near), camera.point(right, height, far),
        camera.point(right, 0, far), camera.point(right, 0, near),
    ]  # fmt: skip
    canvas.polygon(facade, BUILDING, tint * light, grain=10)
    draw_windows(canvas, facade, storeys, max(2, int((far - near) / random.uniform(2.2, 3.5))), tint * light)


def draw_windows(
    canvas: Canvas, facade: list[tuple[float, float]], storeys: int, bays: int, tint: np.ndarray
) -> None:
    """Rows of windows with frames, and shop fronts or doors on the ground floor."""
    random = canvas.random
    glass = np.array([70, 80, 90], np.float32) * random.uniform(0.6, 1.5)
    tall, wide = random.uniform(0.45, 0.68), random.uniform(0.38, 0.66)
    shop = random.random() < 0.5
    for storey in range(storeys):
        ground = storey == storeys - 1
        for bay in range(bays):
            u, v = (bay + 0.5) / bays, (storey + 0.45) / storeys
            half_u, half_v = wide / bays / 2, tall / storeys / 2
            if ground and shop:
                half_u, half_v = 0.45 / bays, 0.4 / storeys
            frame = patch(facade, u - half_u * 1.18, v - half_v * 1.15, u + half_u * 1.18, v + half_v * 1.15)
            pane = patch(facade, u - half_u, v - half_v, u + half_u, v + half_v)
            if abs(pane[0][0] - pane[1][0]) < 0.7:
                continue
            canvas.polygon(frame, BUILDING, np.minimum(tint * 1.22, 240), grain=3)
            canvas.polygon(pane, BUILDING, glass * random.uniform(0.7, 1.3), grain=5)
        if ground and shop:
            sign = np.array(random.integers(30, 210, 3), np.float32)
            band = (storeys - 0.98) / storeys
            canvas.polygon(patch(facade, 0.02, band, 0.98, band + 0.12 / storeys), BUILDING, sign)
