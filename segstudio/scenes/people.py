"""Draws people: walking on the pavement, and riding cycles."""

import numpy as np
from numpy.typing import NDArray

from segstudio.scenes.painter import Canvas, Point
from segstudio.scenes.vehicles import draw_bicycle, draw_motorcycle

PERSON, RIDER = 11, 12
SKINS = ((236, 200, 170), (208, 160, 124), (150, 104, 74), (96, 66, 48))
CLOTHES = (
    (30, 32, 40), (52, 60, 92), (120, 30, 34), (190, 186, 178), (70, 84, 60), (150, 120, 60), (220, 220, 222),
    (90, 92, 98), (180, 80, 40), (40, 90, 110),
)  # fmt: skip


def cloth(generator: np.random.Generator) -> NDArray[np.float32]:
    """A colour of clothing."""
    base = np.array(CLOTHES[int(generator.integers(len(CLOTHES)))], np.float32)
    return np.clip(base + generator.normal(0, 10, 3), 8, 240).astype(np.float32)


def draw_person(canvas: Canvas, foot: Point, height: float) -> None:
    """A standing or walking person whose feet are at `foot`; height in pixels."""
    random = canvas.random
    x, y = foot
    skin = np.array(SKINS[int(random.integers(4))], np.float32)
    coat, trousers = cloth(random), cloth(random) * 0.8
    stride, lean = random.uniform(0.02, 0.16), random.uniform(-0.03, 0.03)
    hip, shoulder, neck = y - 0.48 * height, y - 0.82 * height, y - 0.86 * height
    broad = random.uniform(0.11, 0.15) * height
    canvas.shadow(
        [
            (x - broad, y - 1),
            (x + broad, y - 1),
            (x + broad * 1.4, y + 0.03 * height),
            (x - broad, y + 0.03 * height),
        ]
    )
    for side in (-1, 1):
        shoe = x + side * stride * height
        canvas.line((x + side * 0.04 * height, hip), (shoe, y), 0.085 * height, PERSON, trousers)
        canvas.line(
            (shoe - 0.02 * height, y), (shoe + 0.05 * height, y), 0.035 * height, PERSON, (30, 28, 28)
        )
    skirt = random.random() < 0.2
    lower = broad * (1.25 if skirt else 0.85)
    bottom = hip + (0.16 if skirt else 0.04) * height
    torso = [
        (x - broad + lean * height, shoulder), (x + broad + lean * height, shoulder),
        (x + lower, bottom), (x - lower, bottom),
    ]  # fmt: skip
    canvas.polygon(torso, PERSON, coat, shade=14)
    for side in (-1, 1):
        start = (x + side * broad * 0.95 + lean * height, shoulder + 0.02 * height)
        swing = side * random.uniform(0.05, 0.2) * height
        canvas.line(start, (start[0] + swing * 0.4, hip + 0.01 * height), 0.06 * height, PERSON, coat * 0.88)
    canvas.line(
        (x + lean * height, neck + 0.04 * height), (x + lean * height, neck), 0.06 * height, PERSON, skin
    )
    head = (x + lean * height, y - 0.925 * height)
    canvas.ellipse(head, (0.052 * height, 0.072 * height), PERSON, skin)
    hair = np.array([30, 24, 20], np.float32) + random.uniform(0, 80)
    canvas.ellipse((head[0], head[1] - 0.03 * height), (0.055 * height, 0.048 * height), PERSON, hair)
    if random.random() < 0.35:
        side = int(random.choice((-1, 1)))
        bag = (x + side * broad * 1.3, hip - 0.02 * height)
        canvas.ellipse(bag, (0.06 * height, 0.09 * height), PERSON, cloth(random))


def draw_rider(canvas: Canvas, foot: Point, metre: float, *, motorised: bool) -> None:
    """A person on a bicycle or motorcycle, in side view; the vehicle keeps its own class."""
    random = canvas.random
    direction = int(random.choice((-1, 1)))
    draw = draw_motorcycle if motorised else draw_bicycle
    seat, bar = draw(canvas, foot, metre, direction)
    skin = np.array(SKINS[int(random.integers(4))], np.float32)
    coat, trousers = cloth(random), cloth(random) * 0.75
    x, y = seat
    shoulder = (x + 0.28 * metre * direction, y - 0.52 * metre)
    knee = (x + 0.34 * metre * direction, y + 0.14 * metre)
    sole = (x + 0.12 * metre * direction, foot[1] - (0.22 if motorised else 0.16) * metre)
    canvas.line(seat, knee, 0.15 * metre, RIDER, trousers)
    canvas.line(knee, sole, 0.12 * metre, RIDER, trousers * 0.9)
    back = 0.13 * metre
    torso = [
        (x - back, y + 0.05 * metre), (x + back, y + 0.05 * metre),
        (shoulder[0] + back, shoulder[1]), (shoulder[0] - back * 0.9, shoulder[1] - 0.02 * metre),
    ]  # fmt: skip
    canvas.polygon(torso, RIDER, coat, shade=12)
    elbow = (shoulder[0] + 0.16 * metre * direction, shoulder[1] + 0.26 * metre)
    canvas.line(shoulder, elbow, 0.09 * metre, RIDER, coat * 0.9)
    canvas.line(elbow, bar, 0.075 * metre, RIDER, coat * 0.85)
    head = (shoulder[0] + 0.1 * metre * direction, shoulder[1] - 0.17 * metre)
    canvas.ellipse(head, (0.1 * metre, 0.125 * metre), RIDER, skin)
    helmet = cloth(random) * 1.1
    size = 0.14 if motorised else 0.115
    canvas.ellipse((head[0], head[1] - 0.04 * metre), (size * metre, size * metre * 0.8), RIDER, helmet)
