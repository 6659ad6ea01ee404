"""Draws vehicles: cars, trucks, buses and trains as bodies in space, cycles in side view."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segstudio.scenes.painter import Camera, Canvas, Point, patch

CAR, TRUCK, BUS, TRAIN, MOTORCYCLE, BICYCLE = 13, 14, 15, 16, 17, 18
GLASS = np.array([58, 66, 74], np.float32)
RUBBER = (28, 28, 30)
PAINTS = (
    (188, 190, 194), (40, 42, 46), (225, 225, 222), (120, 24, 28), (34, 54, 104), (96, 100, 104),
    (64, 78, 66), (150, 140, 120), (170, 60, 30), (24, 70, 90), (210, 190, 60), (140, 146, 152),
)  # fmt: skip
Face = list[Point]


def paint_colour(generator: np.random.Generator) -> NDArray[np.float32]:
    """A body colour, varied a little."""
    base = np.array(PAINTS[int(generator.integers(len(PAINTS)))], np.float32)
    return np.clip(base + generator.normal(0, 9, 3), 8, 245).astype(np.float32)


class Body:
    """A box on the street, narrower towards its top if wished; knows the faces that the camera sees."""

    def __init__(
        self,
        camera: Camera,
        right: float,
        ahead: float,
        width: float,
        length: float,
        bottom: float,
        top: float,
        *,
        tuck: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        side, front, back = tuck
        left, right_edge = right - width / 2, right + width / 2
        near, far = ahead, ahead + length

        def corner(across: float, along: float, up: float) -> Point:
            return camera.point(across, up, along)

        self.near: Face = [
            corner(left + side, near + front, top),
            corner(right_edge - side, near + front, top),
            corner(right_edge, near, bottom),
            corner(left, near, bottom),
        ]
        edge, inner = (right_edge, -side) if right < 0 else (left, side)
        self.side: Face = [
            corner(edge + inner, near + front, top),
            corner(edge + inner, far - back, top),
            corner(edge, far, bottom),
            corner(edge, near, bottom),
        ]
        self.roof: Face = [
            corner(left + side, far - back, top),
            corner(right_edge - side, far - back, top),
            corner(right_edge - side, near + front, top),
            corner(left + side, near + front, top),
        ]
        self.shadow: Face = [
            corner(left - 0.15, far, 0), corner(right_edge + 0.15, far, 0),
            corner(right_edge + 0.15, near - 0.1, 0), corner(left - 0.15, near - 0.1, 0),
        ]  # fmt: skip
        self.sees_roof = top < camera.eye

    def paint(self, canvas: Canvas, class_id: int, colour: NDArray[np.float32], grain: float = 4) -> None:
        """Roof, side and near face, each with its own light."""
        if self.sees_roof:
            canvas.polygon(self.roof, class_id, colour * 1.08, grain=grain)
        canvas.polygon(self.side, class_id, colour * 0.82, grain=grain, shade=18)
        canvas.polygon(self.near, class_id, colour, grain=grain, shade=14)


def wheels(canvas: Canvas, camera: Camera, body: Sequence[float], class_id: int, at: Sequence[float]) -> None:
    """Wheels along the side that is seen; `body` is (right, ahead, width, length, radius)."""
    right, ahead, width, length, radius = body
    edge = right + width / 2 if right < 0 else right - width / 2
    for share in at:
        along = ahead + length * share
        x, y = camera.point(edge, radius, along)
        tall = radius * camera.scale(along)
        slim = tall * min(1.0, abs(edge) / max(along, 0.5) * 1.6 + 0.12)
        canvas.ellipse((x, y), (slim, tall), class_id, RUBBER)
        canvas.ellipse((x, y), (slim * 0.55, tall * 0.55), class_id, (120, 120, 124))


def draw_car(canvas: Canvas, camera: Camera, right: float, ahead: float, *, oncoming: bool) -> None:
    """A passenger car; lights tell whether it drives towards us."""
    random = canvas.random
    colour = paint_colour(random)
    width, length = random.uniform(1.65, 1.9), random.uniform(3.6, 4.8)
    waist, roof = random.uniform(0.78, 0.98), random.uniform(1.38, 1.75)
    lower = Body(camera, right, ahead, width, length, 0.22, waist, tuck=(0.04, 0.05, 0.05))
    hatch = random.uniform(0.1, 0.8)
    cabin = Body(
        camera, right, ahead + hatch, width * 0.94, length * 0.68, waist, roof, tuck=(0.18, 0.35, 0.5)
    )
    canvas.shadow(lower.shadow, 0.6)
    lower.paint(canvas, CAR, colour)
    wheels(canvas, camera, (right, ahead, width, length, 0.32), CAR, (0.17, 0.82))
    cabin.paint(canvas, CAR, colour * 0.95)
    canvas.polygon(patch(cabin.near, 0.08, 0.12, 0.92, 0.88), CAR, GLASS * random.uniform(0.8, 1.7), shade=20)
    for start, end in ((0.07, 0.48), (0.53, 0.93)):
        canvas.polygon(patch(cabin.side, start, 0.16, end, 0.86), CAR, GLASS * random.uniform(0.7, 1.4))
    lamp = (235, 235, 220) if oncoming else (168, 24, 22)
    for start, end in ((0.03, 0.2), (0.8, 0.97)):
        canvas.polygon(patch(lower.near, start, 0.12, end, 0.34), CAR, lamp)
    canvas.polygon(patch(lower.near, 0.36, 0.45, 0.64, 0.62), CAR, (222, 218, 190))
    canvas.polygon(patch(lower.near, 0.04, 0.76, 0.96, 1.0), CAR, (38, 38, 40))
    for start, end in ((0.06, 0.2), (0.8, 0.94)):
        canvas.polygon(patch(lower.near, start, 0.82, end, 1.3), CAR, RUBBER)


def draw_truck(canvas: Canvas, camera: Camera, right: float, ahead: float) -> None:
    """A lorry seen from behind (box) or from the front (cab before the box), or an open-bed one."""
    random = canvas.random
    colour = paint_colour(random)
    box_colour = np.clip(np.array([205, 205, 200]) + random.normal(0, 25, 3), 20, 245).astype(np.float32)
    width, length, height = random.uniform(2.2, 2.5), random.uniform(5, 9), random.uniform(2.9, 3.7)
    facing = random.random() < 0.45
    box = Body(camera, right, ahead + (1.9 if facing else 0), width, length, 0.95, height)
    chassis = Body(camera, right, ahead, width * 0.9, length + 1.8, 0.45, 1.0)
    canvas.shadow(chassis.shadow, 0.6)
    chassis.paint(canvas, TRUCK, np.array([44, 44, 46], np.float32))
    wheels(canvas, camera, (right, ahead, width, length + 1.8, 0.5), TRUCK, (0.12, 0.3, 0.85))
    box.paint(canvas, TRUCK, box_colour if random.random() < 0.7 else colour, grain=5)
    if facing:
        cab = Body(
            camera, right, ahead, width * 0.96, 1.8, 0.6, random.uniform(2.3, 2.9), tuck=(0.05, 0.2, 0)
        )
        cab.paint(canvas, TRUCK, colour)
        canvas.polygon(patch(cab.near, 0.08, 0.12, 0.92, 0.48), TRUCK, GLASS, shade=18)
        canvas.polygon(patch(cab.side, 0.15, 0.14, 0.8, 0.46), TRUCK, GLASS)
        for start, end in ((0.05, 0.2), (0.8, 0.95)):
            canvas.polygon(patch(cab.near, start, 0.74, end, 0.84), TRUCK, (235, 232, 210))
    else:
        canvas.polygon(patch(box.near, 0.485, 0.03, 0.515, 0.97), TRUCK, box_colour * 0.55)
        for start, end in ((0.04, 0.16), (0.84, 0.96)):
            canvas.polygon(patch(chassis.near, start, 0.1, end, 0.5), TRUCK, (176, 26, 24))
            canvas.polygon(patch(chassis.near, start, 0.5, end + 0.06, 1.6), TRUCK, RUBBER)
    for line in np.linspace(0.1, 0.9, 6):
        canvas.polygon(patch(box.side, line, 0.02, line + 0.012, 0.98), TRUCK, box_colour * 0.66)


def draw_bus(canvas: Canvas, camera: Camera, right: float, ahead: float) -> None:
    """A city bus: long, a row of large windows, a destination sign."""
    random = canvas.random
    colour = np.array(
        ((190, 30, 34), (220, 170, 30), (30, 90, 160), (225, 225, 225), (40, 130, 80))[
            int(random.integers(5))
        ],
        np.float32,
    ) + random.normal(0, 8, 3).astype(np.float32)
    width, length, height = 2.5, random.uniform(9, 14), random.uniform(2.9, 4.2)
    body = Body(camera, right, ahead, width, length, 0.3, height, tuck=(0.06, 0.05, 0.05))
    canvas.shadow(body.shadow, 0.6)
    body.paint(canvas, BUS, colour)
    decks = 2 if height > 3.7 else 1
    count = int(random.integers(5, 8))
    for deck in range(decks):
        top = 0.1 + deck * 0.45
        bottom = top + (0.28 if decks == 2 else 0.42)
        for number in range(count):
            start = 0.04 + number * 0.93 / count
            canvas.polygon(
                patch(body.side, start, top, start + 0.82 / count, bottom),
                BUS,
                GLASS * random.uniform(0.7, 1.3),
            )
    canvas.polygon(patch(body.near, 0.06, 0.16, 0.94, 0.58), BUS, GLASS * 1.1, shade=24)
    canvas.polygon(patch(body.near, 0.2, 0.04, 0.8, 0.13), BUS, (30, 28, 24))
    canvas.polygon(patch(body.near, 0.28, 0.06, 0.72, 0.11), BUS, (240, 180, 40))
    lamp = (236, 232, 210) if random.random() < 0.5 else (180, 28, 24)
    for start, end in ((0.05, 0.18), (0.82, 0.95)):
        canvas.polygon(patch(body.near, start, 0.78, end, 0.86), BUS, lamp)
    canvas.polygon(patch(body.near, 0.02, 0.93, 0.98, 1.0), BUS, (40, 40, 42))
    wheels(canvas, camera, (right, ahead, width, length, 0.5), BUS, (0.2, 0.78))


def draw_train(canvas: Canvas, camera: Camera, right: float, ahead: float) -> None:
    """A tram of several wagons on its rails: rounded front, low skirt, a pantograph."""
    random = canvas.random
    colour = np.array(
        ((232, 222, 190), (200, 40, 40), (90, 150, 190), (240, 200, 60), (120, 140, 60))[
            int(random.integers(5))
        ],
        np.float32,
    ) + random.normal(0, 8, 3).astype(np.float32)
    band = np.array(((60, 60, 70), (170, 30, 30), (30, 70, 120))[int(random.integers(3))], np.float32)
    wagon, height = random.uniform(8, 11), random.uniform(3.3, 3.7)
    for number in reversed(range(int(random.integers(2, 4)))):
        near = ahead + number * (wagon + 0.5)
        tuck = (0.22, 0.5, 0.1) if number == 0 else (0.12, 0.05, 0.05)
        body = Body(camera, right, near, 2.5, wagon, 0.12, height, tuck=tuck)
        canvas.shadow(body.shadow, 0.55)
        body.paint(canvas, TRAIN, colour)
        for window in range(6):
            start = 0.05 + window * 0.155
            canvas.polygon(
                patch(body.side, start, 0.16, start + 0.12, 0.5), TRAIN, GLASS * random.uniform(0.7, 1.3)
            )
        canvas.polygon(patch(body.side, 0.0, 0.62, 1.0, 0.72), TRAIN, band)
        canvas.polygon(patch(body.side, 0.0, 0.9, 1.0, 1.0), TRAIN, (48, 48, 50))
    canvas.polygon(patch(body.near, 0.1, 0.14, 0.9, 0.52), TRAIN, GLASS, shade=24)
    canvas.polygon(patch(body.near, 0.3, 0.03, 0.7, 0.11), TRAIN, (245, 190, 50))
    canvas.polygon(patch(body.near, 0.0, 0.62, 1.0, 0.72), TRAIN, band)
    canvas.ellipse(
        patch(body.near, 0.5, 0.8, 0.5, 0.8)[0], (camera.scale(ahead) * 0.16,) * 2, TRAIN, (245, 240, 215)
    )
    canvas.polygon(patch(body.near, 0.06, 0.92, 0.94, 1.0), TRAIN, (44, 44, 46))


def draw_rails(canvas: Canvas, camera: Camera, right: float, class_id: int) -> None:
    """Two bright rails in the street."""
    for offset in (-0.72, 0.72):
        points = [
            camera.point(right + offset - 0.05, 0, 120), camera.point(right + offset + 0.05, 0, 120),
            camera.point(right + offset + 0.05, 0, 1.5), camera.point(right + offset - 0.05, 0, 1.5),
        ]  # fmt: skip
        canvas.polygon(points, class_id, (150, 148, 144))


def draw_bicycle(canvas: Canvas, foot: Point, metre: float, direction: int) -> tuple[Point, Point]:
    """A bicycle in side view on the ground at `foot`; returns where saddle and handlebar are."""
    x, y = foot
    radius = 0.34 * metre
    colour = paint_colour(canvas.random)
    thin = max(0.05 * metre, 0.9)
    back, front = (x - 0.52 * metre * direction, y - radius), (x + 0.52 * metre * direction, y - radius)
    for wheel in (back, front):
        canvas.ring(wheel, (radius, radius), thin * 1.2, BICYCLE, RUBBER)
    crank = (x - 0.08 * metre * direction, y - radius * 0.9)
    saddle = (x - 0.2 * metre * direction, y - 0.92 * metre)
    head = (x + 0.36 * metre * direction, y - 0.9 * metre)
    for start, end in (
        (back, crank),
        (crank, saddle),
        (back, saddle),
        (saddle, head),
        (crank, head),
        (head, front),
    ):
        canvas.line(start, end, thin, BICYCLE, colour)
    bar = (head[0] + 0.05 * metre * direction, head[1] - 0.12 * metre)
    canvas.line(head, bar, thin, BICYCLE, (40, 40, 44))
    canvas.line(
        (saddle[0] - 0.12 * metre, saddle[1]),
        (saddle[0] + 0.12 * metre, saddle[1]),
        thin * 1.4,
        BICYCLE,
        RUBBER,
    )
    return saddle, bar


def draw_motorcycle(canvas: Canvas, foot: Point, metre: float, direction: int) -> tuple[Point, Point]:
    """A motorcycle or scooter in side view; returns where seat and handlebar are."""
    x, y = foot
    radius = 0.31 * metre
    colour = paint_colour(canvas.random)
    back, front = (x - 0.62 * metre * direction, y - radius), (x + 0.62 * metre * direction, y - radius)
    canvas.shadow(
        [(x - metre, y), (x + metre, y), (x + metre, y + 0.1 * metre), (x - metre, y + 0.1 * metre)]
    )
    for wheel in (back, front):
        canvas.ellipse(wheel, (radius, radius), MOTORCYCLE, RUBBER)
        canvas.ellipse(wheel, (radius * 0.5, radius * 0.5), MOTORCYCLE, (130, 130, 134))
    shape = ((-0.72, 0.72), (-0.2, 0.78), (0.08, 0.95), (0.4, 0.95), (0.5, 0.62), (0.3, 0.3), (-0.35, 0.28))
    canvas.polygon([(x + u * metre * direction, y - v * metre) for u, v in shape], MOTORCYCLE, colour)
    engine = ((-0.25, 0.5), (0.25, 0.5), (0.2, 0.2), (-0.2, 0.2))
    canvas.polygon([(x + u * metre * direction, y - v * metre) for u, v in engine], MOTORCYCLE, (70, 70, 74))
    bar = (x + 0.4 * metre * direction, y - 1.08 * metre)
    canvas.line((x + 0.42 * metre * direction, y - 0.9 * metre), bar, 0.06 * metre, MOTORCYCLE, (50, 50, 54))
    canvas.line(
        (x + 0.48 * metre * direction, y - 0.85 * metre), front, 0.08 * metre, MOTORCYCLE, (110, 110, 114)
    )
    return (x - 0.25 * metre * direction, y - 0.8 * metre), bar
