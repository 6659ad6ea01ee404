"""Draws what stands along a street: poles, lamps, traffic lights, signs, fences, walls, trees."""

import numpy as np

from segstudio.scenes.painter import Camera, Canvas

WALL, FENCE, POLE, TRAFFIC_LIGHT, TRAFFIC_SIGN, VEGETATION, TERRAIN = 3, 4, 5, 6, 7, 8, 9
METAL = np.array([112, 114, 116], np.float32)
LEAVES = ((70, 92, 42), (88, 110, 50), (52, 74, 40), (108, 112, 52), (60, 84, 60))


def leaf_colour(generator: np.random.Generator) -> np.ndarray:
    """A green, varied."""
    return np.array(LEAVES[int(generator.integers(5))], np.float32) + generator.normal(0, 8, 3).astype(
        np.float32
    )


def pole_at(canvas: Canvas, camera: Camera, right: float, ahead: float, height: float, width: float) -> None:
    """A bare pole."""
    tint = METAL * canvas.random.uniform(0.5, 1.3)
    canvas.line(
        camera.point(right, 0, ahead),
        camera.point(right, height, ahead),
        width * camera.scale(ahead),
        POLE,
        tint,
    )


def draw_lamp(canvas: Canvas, camera: Camera, right: float, ahead: float) -> None:
    """A street lamp whose arm reaches over the road."""
    height, reach = canvas.random.uniform(5, 8), canvas.random.uniform(0.8, 2.0)
    pole_at(canvas, camera, right, ahead, height, 0.15)
    end = camera.point(right - np.sign(right) * reach, height + 0.3, ahead)
    canvas.line(camera.point(right, height, ahead), end, 0.1 * camera.scale(ahead), POLE, METAL)
    canvas.ellipse(end, (0.35 * camera.scale(ahead), 0.1 * camera.scale(ahead)), POLE, (206, 204, 190))


def draw_traffic_light(canvas: Canvas, camera: Camera, right: float, ahead: float) -> None:
    """A signal head with one lit lamp on a pole, sometimes a second one above the road."""
    random = canvas.random
    metre = camera.scale(ahead)
    heights = [random.uniform(2.3, 3.0)]
    reach = 0.0
    if random.random() < 0.4:
        reach = random.uniform(1.5, 3.5)
        heights.append(5.2)
    pole_at(canvas, camera, right, ahead, max(heights) + 0.5, 0.13)
    if reach:
        arm = camera.point(right - np.sign(right) * reach, 5.4, ahead)
        canvas.line(camera.point(right, 5.4, ahead), arm, 0.1 * metre, POLE, METAL)
    lit = int(random.integers(3))
    colours = ((235, 50, 40), (245, 180, 40), (60, 225, 130))
    for number, height in enumerate(heights):
        across = right - (np.sign(right) * reach if number else 0)
        x, y = camera.point(across, height, ahead)
        wide, tall = 0.19 * metre, 0.5 * metre
        frame = [(x - wide, y - tall), (x + wide, y - tall), (x + wide, y + tall), (x - wide, y + tall)]
        canvas.polygon(frame, TRAFFIC_LIGHT, (24, 26, 24))
        for lamp in range(3):
            glow = colours[lamp] if lamp == lit else (46, 44, 40)
            canvas.ellipse(
                (x, y + (lamp - 1) * 0.32 * metre), (0.12 * metre,) * 2, TRAFFIC_LIGHT, glow, grain=2
            )


def draw_sign(canvas: Canvas, camera: Camera, right: float, ahead: float) -> None:
    """A traffic sign: round, triangular, rhombic or rectangular, on a pole."""
    random = canvas.random
    metre, height = camera.scale(ahead), random.uniform(2.0, 2.8)
    pole_at(canvas, camera, right, ahead, height + 0.4, 0.08)
    x, y = camera.point(right, height, ahead)
    size = random.uniform(0.32, 0.5) * metre
    kind = int(random.integers(5))
    red, white, blue, yellow = (196, 30, 34), (236, 236, 232), (30, 80, 170), (240, 196, 40)
    if kind == 0:
        canvas.ellipse((x, y), (size, size), TRAFFIC_SIGN, red)
        canvas.ellipse((x, y), (size * 0.7, size * 0.7), TRAFFIC_SIGN, white)
    elif kind == 1:
        canvas.ellipse((x, y), (size, size), TRAFFIC_SIGN, blue)
        canvas.line((x, y + size * 0.5), (x, y - size * 0.5), size * 0.25, TRAFFIC_SIGN, white)
    elif kind == 2:
        for share, colour in ((1.15, red), (0.75, white)):
            corners = [(x, y - size * share), (x + size * share, y + size * share * 0.7)]
            canvas.polygon([*corners, (x - size * share, y + size * share * 0.7)], TRAFFIC_SIGN, colour)
    elif kind == 3:
        canvas.polygon([(x, y - size), (x + size, y), (x, y + size), (x - size, y)], TRAFFIC_SIGN, yellow)
    else:
        wide, tall = size * random.uniform(1.2, 3.2), size * random.uniform(0.7, 1.3)
        colour = (blue, white, (40, 120, 70))[int(random.integers(3))]
        board = [(x - wide, y - tall), (x + wide, y - tall), (x + wide, y + tall), (x - wide, y + tall)]
        canvas.polygon(board, TRAFFIC_SIGN, colour)
        for row in (-0.4, 0.1, 0.5):
            start, end = (
                (x - wide * 0.8, y + row * tall),
                (x + wide * random.uniform(0.1, 0.8), y + row * tall),
            )
            canvas.line(start, end, tall * 0.16, TRAFFIC_SIGN, (20, 20, 24) if colour == white else white)


def draw_tree(canvas: Canvas, camera: Camera, right: float, ahead: float) -> None:
    """A tree: trunk and crown are both vegetation; in winter mostly twigs."""
    random = canvas.random
    metre, height = camera.scale(ahead), random.uniform(4, 10)
    trunk = np.array([74, 62, 52], np.float32) * random.uniform(0.7, 1.3)
    foot, fork = camera.point(right, 0, ahead), camera.point(right, height * 0.5, ahead)
    canvas.line(foot, fork, random.uniform(0.2, 0.4) * metre, VEGETATION, trunk)
    crown = camera.point(right, height * 0.72, ahead)
    radii = (random.uniform(1.4, 3.2) * metre, height * random.uniform(0.26, 0.36) * metre)
    if random.random() < 0.15:
        for _ in range(22):
            angle = random.uniform(-2.6, -0.5)
            reach = random.uniform(0.5, 1.0)
            end = (fork[0] + radii[0] * reach * np.cos(angle), fork[1] + 2 * radii[1] * reach * np.sin(angle))
            canvas.line(fork, end, 0.06 * metre, VEGETATION, trunk)
    else:
        canvas.foliage(crown, radii, VEGETATION, leaf_colour(random), lumps=20)


def draw_wall(canvas: Canvas, camera: Camera, right: float, near: float, far: float) -> None:
    """A free-standing wall along the street, with courses of stone."""
    random = canvas.random
    height = random.uniform(1.1, 2.8)
    tint = np.array(((150, 142, 132), (128, 92, 76), (172, 168, 160))[int(random.integers(3))], np.float32)
    corners = [
        camera.point(right, height, near), camera.point(right, height, far),
        camera.point(right, 0, far), camera.point(right, 0, near),
    ]  # fmt: skip
    canvas.polygon(corners, WALL, tint * random.uniform(0.75, 1.1), grain=9)
    for course in np.arange(0.3, height, 0.3):
        canvas.line(
            camera.point(right, course, near), camera.point(right, course, far), 0.6, WALL, tint * 0.78
        )


def draw_fence(canvas: Canvas, camera: Camera, right: float, near: float, far: float) -> None:
    """Railings: the whole fence is fence, gaps too, as annotators draw it; the gaps show what is behind."""
    random = canvas.random
    height = random.uniform(0.9, 1.8)
    tint = METAL * random.uniform(0.3, 1.3)
    solid = random.random() < 0.45
    corners = [
        camera.point(right, height, near), camera.point(right, height, far),
        camera.point(right, 0, far), camera.point(right, 0, near),
    ]  # fmt: skip
    wood = np.array([124, 98, 70], np.float32) * random.uniform(0.6, 1.2)
    backing = wood if solid else np.array([92, 98, 84], np.float32) * random.uniform(0.7, 1.2)
    canvas.polygon(corners, FENCE, backing, grain=10)
    spacing = max(0.18, (far - near) / 70)
    for along in np.arange(near, far, spacing):
        top, bottom = camera.point(right, height, along), camera.point(right, 0, along)
        width = 0.045 * camera.scale(along)
        if width > 0.25:
            canvas.line(bottom, top, width, FENCE, backing * 0.7 if solid else tint)
    for level in (0.15, 0.95):
        canvas.line(
            camera.point(right, height * level, near),
            camera.point(right, height * level, far),
            0.9,
            FENCE,
            tint,
        )
