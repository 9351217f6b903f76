"""What there is in the world: shapes, colours, patterns, sizes, positions, backgrounds and written words.

The position of a name in its tuple is its number in :class:`~neuronym.world.scenes.Scenes`; a new name goes to the end,
or every image changes.
"""

from __future__ import annotations

SIDE = 64
"""Height and width of every scene, in pixels."""

SHAPES = (
    *("circle", "square", "triangle", "star", "heart", "cross"),
    *("ring", "crescent", "arrow", "house", "fish", "face"),
)
"""What objects are; the shape of the main object is the scene's class."""

COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "white", "black")

PATTERNS = ("plain", "striped", "dotted", "checkered", "gradient", "zigzag")

BACKGROUNDS = ("sky", "sea", "grass", "sand", "snow", "night", "brick", "wood")

SIZES = ("tiny", "small", "medium", "large")
"""Only the second object of a scene is tiny; the main object never is."""

COLUMNS = ("left", "centre", "right")
"""Where the centre of an object is, in thirds of the scene."""

ROWS = ("top", "middle", "bottom")

WORDS = ("STOP", "EXIT", "OPEN", "SALE", "TAXI", "CAFE", "ZOO", "JAZZ", "MILK", "HELP")
"""What may be written in a scene."""

RELATIONS = ("left of", "right of", "above", "below", "beside")
"""How one object of a scene may lie to the other; ``beside`` is true of any two."""

PARTS = ("edge", "inside")
"""Parts of an object that a unit may respond to: a band along its outline, and what is within the band."""

RADII = {"tiny": (7.0, 9.5), "small": (12.0, 14.0), "medium": (16.0, 18.5), "large": (21.0, 24.5)}
"""The radius of an object in pixels: least and most."""
