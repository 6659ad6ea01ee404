"""Composes a street scene from a seed: camera, ground, houses, traffic, people, and the photograph."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.scenes import furniture, people, vehicles
from segstudio.scenes.backdrop import TERRAIN, draw_building, draw_distance, draw_ground, draw_sky
from segstudio.scenes.painter import IGNORE, SUPERSAMPLING, Camera, Canvas

CLASS_COUNT = 19
Part = tuple[float, Callable[[], object]]

# What is in focus may be hidden by what stands nearer; then the street is drawn anew.
ATTEMPTS = 6


@dataclass(frozen=True)
class Scene:
    """A drawn street: RGB uint8 [H,W,3] and Cityscapes train ids uint8 [H,W], 255 = ignore."""

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]


def draw_scene(
    seed: int, height: int = 360, width: int = 480, *, focus: Sequence[int] | None = None
) -> Scene:
    """Draws the street of a seed: the same arguments give the same pixels.

    Args:
        seed: any integer from 0 on.
        height: rows, 16 or more.
        width: columns, 16 or more.
        focus: train ids that are to be seen; in a few scenes in a thousand one is hidden all the same.
    """
    wanted = frozenset(focus or ())
    scene = _draw(np.random.default_rng((seed, height, width)), height, width, wanted)
    for attempt in range(1, ATTEMPTS):
        if wanted <= set(np.unique(scene.mask).tolist()):
            break
        scene = _draw(np.random.default_rng((seed, height, width, attempt)), height, width, wanted)
    return scene


def _draw(random: np.random.Generator, height: int, width: int, wanted: frozenset[int]) -> Scene:
    canvas = Canvas(height, width, random)
    _Street(canvas, wanted).draw()
    return _photograph(canvas, random)


class _Street:
    """The layout of one scene; parts are painted from far to near."""

    def __init__(self, canvas: Canvas, focus: frozenset[int]) -> None:
        self.canvas, self.random, self.focus = canvas, canvas.random, focus
        height, width = canvas.height / SUPERSAMPLING, canvas.width / SUPERSAMPLING
        random = self.random
        self.camera = Camera(
            horizon=height * random.uniform(0.36, 0.52),
            centre=width * random.uniform(0.36, 0.64),
            focal=width * random.uniform(0.75, 1.25),
            eye=random.uniform(1.15, 1.7),
        )
        self.half_road = random.uniform(3.2, 7.0)
        self.pavements = (
            random.uniform(1.8, 4.5) if random.random() < 0.9 else 0.0,
            random.uniform(1.8, 4.5) if random.random() < 0.9 else 0.0,
        )
        self.parts: list[Part] = []

    def draw(self) -> None:
        """Everything, from far to near."""
        draw_sky(self.canvas, self.camera)
        verge = TERRAIN if self.random.random() < 0.6 or TERRAIN in self.focus else 1
        draw_distance(self.canvas, self.camera)
        draw_ground(self.canvas, self.camera, self.half_road, self.pavements, verge)
        for side in (-1, 1):
            self._row(side)
            self._along_kerb(side)
        self._traffic()
        self._walkers()
        for _, paint in sorted(self.parts, key=lambda part: -part[0]):
            paint()
        if self.random.random() < 0.12:
            self._bonnet()

    def _add(self, ahead: float, paint: Callable[[], object]) -> None:
        self.parts.append((ahead, paint))

    def _wants(self, class_id: int, chance: float) -> bool:
        return bool(class_id in self.focus or self.random.random() < chance)

    def _distance(self, low: float, high: float) -> float:
        return float(np.exp(self.random.uniform(np.log(low), np.log(high))))

    def _row(self, side: int) -> None:
        """Houses, walls, fences, hedges and gaps behind the pavement."""
        random, canvas, camera = self.random, self.canvas, self.camera
        edge = side * (self.half_road + self.pavements[0 if side < 0 else 1] + random.uniform(0.1, 1.5))
        setback = side * random.uniform(0, 9) if random.random() < 0.4 else 0.0
        built = random.uniform(0.35, 1.0)
        along = random.uniform(1.0, 4.0)
        while along < 90:
            near, far = along, along + random.uniform(7, 20)
            if random.random() < built:
                line = edge + setback
                self._add(far, partial(draw_building, canvas, camera, line, near, far))
            else:
                for _ in range(int(random.integers(1, 4))):
                    self._add_tree(edge + side * random.uniform(1, 6), random.uniform(near, far))
            along = far + (random.uniform(0.5, 8) if random.random() < 0.3 else 0.0)
        for class_id, chance, draw in (
            (furniture.WALL, 0.22, furniture.draw_wall),
            (furniture.FENCE, 0.3, furniture.draw_fence),
        ):
            wanted = self._wants(class_id, chance)
            if wanted:
                near = self._distance(2.5, 14)
                far = near + random.uniform(5, 25)
                self._add(near + 0.5, partial(draw, canvas, camera, edge, near, far))

    def _add_tree(self, right: float, ahead: float) -> None:
        self._add(ahead, partial(furniture.draw_tree, self.canvas, self.camera, right, ahead))

    def _along_kerb(self, side: int) -> None:
        """Parked cars, poles, lamps, lights, signs and street trees."""
        random, canvas, camera = self.random, self.canvas, self.camera
        kerb = side * (self.half_road + 0.5)
        if random.random() < 0.5:
            along = random.uniform(3, 14)
            while along < 60 and random.random() < 0.85:
                where = side * (self.half_road - 1.15)
                self._add(along, partial(vehicles.draw_car, canvas, camera, where, along, oncoming=False))
                along += random.uniform(5.2, 12)
        things: tuple[tuple[int, float, Callable[[Canvas, Camera, float, float], None]], ...] = (
            (furniture.POLE, 0.85, furniture.draw_lamp),
            (furniture.POLE, 0.4, furniture.draw_lamp),
            (furniture.TRAFFIC_LIGHT, 0.35, furniture.draw_traffic_light),
            (furniture.TRAFFIC_SIGN, 0.5, furniture.draw_sign),
            (furniture.TRAFFIC_SIGN, 0.3, furniture.draw_sign),
            (furniture.VEGETATION, 0.35, furniture.draw_tree),
        )
        for class_id, chance, draw in things:
            if self._wants(class_id, chance):
                ahead = self._distance(5, 16 if class_id in self.focus else 45)
                self._add(ahead, partial(draw, canvas, camera, kerb, ahead))

    def _traffic(self) -> None:
        """Driving vehicles in both lanes, and trams on rails."""
        random, canvas, camera = self.random, self.canvas, self.camera
        lane = self.half_road * 0.45
        if self._wants(vehicles.TRAIN, 0.12):
            right = random.uniform(-1, 1) * lane
            vehicles.draw_rails(canvas, camera, right, 0)
            ahead = self._distance(6, 30)
            self._add(ahead, partial(vehicles.draw_train, canvas, camera, right, ahead))
        big: tuple[tuple[int, float, Callable[[Canvas, Camera, float, float], None]], ...] = (
            (vehicles.TRUCK, 0.16, vehicles.draw_truck),
            (vehicles.BUS, 0.16, vehicles.draw_bus),
        )
        for class_id, chance, draw in big:
            if self._wants(class_id, chance):
                ahead, right = self._distance(6, 35), float(random.choice((-1, 1))) * lane
                self._add(ahead, partial(draw, canvas, camera, right, ahead))
        for _ in range(int(random.integers(0, 4))):
            ahead = self._distance(5, 60)
            oncoming = bool(random.random() < 0.5)
            right = (-lane if oncoming else lane) + random.normal(0, 0.3)
            self._add(
                ahead,
                partial(vehicles.draw_car, canvas, camera, right, ahead, oncoming=oncoming),
            )
        riders = (
            (people.RIDER, vehicles.BICYCLE, False, 0.3),
            (people.RIDER, vehicles.MOTORCYCLE, True, 0.18),
        )
        for rider, cycle, motorised, chance in riders:
            if self._wants(cycle, chance) or (rider in self.focus and random.random() < 0.6):
                self._add_rider(motorised)

    def _add_rider(self, motorised: bool) -> None:
        ahead = self._distance(4, 22)
        right = self.random.uniform(-1, 1) * self.half_road
        foot, metre = self.camera.point(right, 0, ahead), self.camera.scale(ahead)
        self._add(ahead, partial(people.draw_rider, self.canvas, foot, metre, motorised=motorised))

    def _walkers(self) -> None:
        """People on the pavements, a few on the road, and cycles that are parked."""
        random = self.random
        count = int(random.integers(0, 7)) + (2 if people.PERSON in self.focus else 0)
        for _ in range(count):
            ahead = self._distance(4.5, 40)
            side = int(random.choice((-1, 1)))
            broad = max(self.pavements[0 if side < 0 else 1], 1.0)
            right = side * (self.half_road + random.uniform(0.2, broad))
            if random.random() < 0.15:
                right = random.uniform(-1, 1) * self.half_road
            foot, size = (
                self.camera.point(right, 0, ahead),
                self.camera.scale(ahead) * random.uniform(1.5, 1.85),
            )
            self._add(ahead, partial(people.draw_person, self.canvas, foot, size))
        for class_id, draw in (
            (vehicles.BICYCLE, vehicles.draw_bicycle),
            (vehicles.MOTORCYCLE, vehicles.draw_motorcycle),
        ):
            if self._wants(class_id, 0.15):
                ahead = self._distance(4, 20)
                side = int(random.choice((-1, 1)))
                foot = self.camera.point(side * (self.half_road + 0.6), 0, ahead)
                metre, way = self.camera.scale(ahead), int(random.choice((-1, 1)))
                self._add(ahead, partial(draw, self.canvas, foot, metre, way))

    def _bonnet(self) -> None:
        """The own car's bonnet, which nobody labels."""
        height, width = self.canvas.height / SUPERSAMPLING, self.canvas.width / SUPERSAMPLING
        top = height * self.random.uniform(0.9, 0.97)
        turn = np.linspace(np.pi, 2 * np.pi, 20)
        points = [(width / 2 + width * 0.6 * np.cos(t), height + (height - top) * np.sin(t)) for t in turn]
        self.canvas.polygon(points, IGNORE, vehicles.paint_colour(self.random), shade=30)


def _photograph(canvas: Canvas, random: np.random.Generator) -> Scene:
    """What lens, sensor and codec make of it."""
    height, width = canvas.height // SUPERSAMPLING, canvas.width // SUPERSAMPLING
    image = np.asarray(cv2.resize(canvas.image, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    mask = np.ascontiguousarray(canvas.mask[::SUPERSAMPLING, ::SUPERSAMPLING])
    haze = np.linspace(1, 0, height, dtype=np.float32)[:, None, None] ** 2 * random.uniform(0, 0.12)
    image = image * (1 - haze) + 215 * haze
    image = 128 + (image - 128) * random.uniform(0.75, 1.2)
    image = image * random.uniform(0.6, 1.15) * random.normal(1, 0.035, 3).astype(np.float32)
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    vignette = 1 - random.uniform(0, 0.25) * (rows**2 + columns**2) / 2
    image *= vignette[:, :, None]
    image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(random.uniform(0.35, 1.0))), np.float32)
    image += random.normal(0, random.uniform(0.5, 4), image.shape).astype(np.float32)
    finished = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    if random.random() < 0.5:
        quality = int(random.integers(55, 95))
        _, code = cv2.imencode(".jpg", finished[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        finished = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)[:, :, ::-1]
    return Scene(np.ascontiguousarray(finished), mask)
