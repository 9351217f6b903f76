"""The frozen table of synonyms: every name of the world with the phrases that mean it.

A test pins this table by a hash, because scores of descriptions depend on it: a label that was not understood yesterday
and is today would be another measurement. Phrases are in lower case, singular, without articles and hyphens. The first
phrase of a row is the name itself. Regular plurals are made by :func:`plurals`.

``WRITTEN`` holds what :mod:`neuronym.world.grammar.writing` says; ``READ`` holds what is understood besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

Rows = Mapping[str, tuple[str, ...]]

SHAPE: Rows = {
    "circle": ("circle", "disc", "disk", "round shape"),
    "square": ("square", "box"),
    "triangle": ("triangle", "triangular shape"),
    "star": ("star", "five pointed star"),
    "heart": ("heart", "love heart"),
    "cross": ("cross", "plus", "plus sign"),
    "ring": ("ring", "hoop", "donut", "annulus"),
    "crescent": ("crescent", "moon", "half moon", "crescent moon"),
    "arrow": ("arrow", "pointer"),
    "house": ("house", "home", "hut", "cottage", "building"),
    "fish": ("fish",),
    "face": ("face", "smiley", "smiley face", "smile"),
}

COLOUR: Rows = {
    "red": ("red", "crimson", "scarlet"),
    "orange": ("orange",),
    "yellow": ("yellow", "golden"),
    "green": ("green", "emerald"),
    "cyan": ("cyan", "turquoise", "aqua", "teal"),
    "blue": ("blue", "navy"),
    "purple": ("purple", "violet"),
    "pink": ("pink", "magenta", "rose"),
    "white": ("white",),
    "black": ("black",),
}

PATTERN: Rows = {
    "plain": ("plain", "solid", "uniform", "flat"),
    "striped": ("striped", "stripy"),
    "dotted": ("dotted", "spotted", "polka dotted"),
    "checkered": ("checkered", "chequered", "checked"),
    "gradient": ("gradient", "shaded", "fading"),
    "zigzag": ("zigzag", "zigzagged"),
}

TEXTURE: Rows = {
    "plain": ("plain surface", "uniform surface", "solid fill"),
    "striped": ("stripes", "lines", "striped pattern"),
    "dotted": ("dots", "spots", "polka dots", "dotted pattern"),
    "checkered": ("checks", "checkerboard pattern", "checkered pattern"),
    "gradient": ("colour gradient", "gradual fade", "gradient fill"),
    "zigzag": ("zigzags", "zigzag pattern", "zigzag lines", "chevrons"),
}
"""Patterns as nouns: what a thing is *with*."""

SIZE: Rows = {
    "tiny": ("tiny", "very small", "minute"),
    "small": ("small", "little"),
    "medium": ("medium", "medium sized", "mid sized"),
    "large": ("large", "big", "huge"),
}

COLUMN: Rows = {
    "left": ("left",),
    "centre": ("centre", "center", "central"),
    "right": ("right",),
}

ROW: Rows = {
    "top": ("top", "upper"),
    "middle": ("middle",),
    "bottom": ("bottom", "lower"),
}

PLACE: Rows = {
    "sky": ("sky", "cloudy sky", "blue sky", "clouds"),
    "sea": ("sea", "ocean", "water", "waves"),
    "grass": ("grass", "lawn", "meadow"),
    "sand": ("sand", "beach", "desert"),
    "snow": ("snow", "ice", "snowy ground"),
    "night": ("night", "night sky", "starry sky", "dark sky"),
    "brick": ("brick", "brick wall", "bricks"),
    "wood": ("wood", "wooden planks", "planks", "wooden floor"),
}

RELATION: Rows = {
    "left of": ("left of", "to left of"),
    "right of": ("right of", "to right of"),
    "above": ("above", "over"),
    "below": ("below", "under", "beneath"),
    "beside": ("beside", "next to", "near"),
}

PART: Rows = {
    "edge": ("edge", "outline", "border", "rim"),
    "inside": ("inside", "interior"),
}

OBJECT: Rows = {"object": ("object", "thing", "shape", "figure", "item")}

WRITING: Rows = {"any": ("written word", "text", "writing", "letters")}

WRITTEN: Mapping[str, Rows] = {
    "shape": SHAPE,
    "colour": COLOUR,
    "pattern": PATTERN,
    "texture": TEXTURE,
    "size": SIZE,
    "column": COLUMN,
    "row": ROW,
    "place": PLACE,
    "relation": RELATION,
    "part": PART,
    "object": OBJECT,
    "writing": WRITING,
}

READ: Mapping[str, Rows] = {
    "shape": {
        "circle": ("circular shape",),
        "square": ("square shape", "square box"),
        "star": ("star shape",),
        "heart": ("heart shape",),
        "cross": ("cross shape", "plus symbol", "plus shape"),
        "ring": ("doughnut", "ring shape", "annuli"),
        "crescent": ("crescent shape",),
        "arrow": ("arrow shape", "pointing arrow"),
        "house": ("dwelling",),
        "fish": ("fish shape",),
        "face": ("smiling face", "emoji", "emoticon"),
    },
    "form": {
        "circle": ("circular", "circle shaped", "disc shaped"),
        "square": ("square shaped",),
        "triangle": ("triangular", "triangle shaped"),
        "star": ("star shaped",),
        "heart": ("heart shaped",),
        "cross": ("cross shaped", "plus shaped"),
        "ring": ("ring shaped", "annular"),
        "crescent": ("crescent shaped", "moon shaped"),
        "arrow": ("arrow shaped",),
        "house": ("house shaped",),
        "fish": ("fish shaped",),
        "face": ("face shaped",),
    },
    "colour": {
        "yellow": ("gold",),
        "green": ("lime",),
        "purple": ("lilac", "mauve"),
        "pink": ("fuchsia",),
    },
    "pattern": {
        "plain": ("plain coloured", "solid coloured", "unpatterned", "single coloured"),
        "striped": ("stripey", "lined"),
        "dotted": ("polka dot", "spotty", "dotty"),
        "checkered": ("checkerboard", "checkerboarded", "checky"),
        "gradient": ("gradual", "graded"),
        "zigzag": ("zig zag", "chevron"),
    },
    "texture": {
        "plain": ("no pattern", "plain colour", "solid colour", "uniform colour", "flat colour", "plain pattern"),
        "striped": ("stripe", "stripe pattern", "striped texture"),
        "dotted": ("polka dot pattern", "dot pattern", "dotted texture", "spotted pattern"),
        "checkered": ("checkered texture", "chequered pattern", "check pattern"),
        "gradient": ("gradients", "gradient pattern", "shading", "gradient texture"),
        "zigzag": ("zig zags", "zig zag pattern", "chevron pattern", "zigzag texture"),
    },
    "size": {
        "small": ("small sized",),
        "medium": ("middle sized",),
        "large": ("very large", "very big", "giant", "large sized"),
    },
    "column": {
        "left": ("leftmost", "left hand"),
        "right": ("rightmost", "right hand"),
    },
    "row": {"top": ("topmost", "uppermost"), "bottom": ("bottommost", "lowermost")},
    "place": {
        "sky": ("daytime sky", "day sky", "daytime", "skies", "cloud"),
        "sea": ("sea water", "seawater", "blue sea", "blue water", "wave", "seas", "oceans"),
        "grass": ("green grass", "grassy ground", "grassy field", "grass field", "lawns", "meadows"),
        "sand": ("sandy ground", "sandy beach", "dune", "dunes", "beaches", "deserts"),
        "snow": ("white snow", "icy ground", "snow field"),
        "night": ("nighttime", "night time", "starry night", "starry night sky", "starry"),
        "brick": ("wall of bricks", "brickwork", "brick walls"),
        "wood": ("wooden wall", "wooden boards", "timber", "plank", "wooden"),
    },
    "relation": {
        "left of": ("on left of", "at left of", "on left side of", "to left side of"),
        "right of": ("on right of", "at right of", "on right side of", "to right side of"),
        "above": ("on top of", "higher than"),
        "below": ("underneath", "lower than"),
        "beside": ("close to", "alongside", "by", "by side of", "adjacent to"),
    },
    "part": {"edge": ("contour", "boundary"), "inside": ("inner part", "inner area")},
    "writing": {"any": ("word", "sign", "written text", "lettering", "letter", "written words")},
}


def plurals(phrase: str) -> Iterator[str]:
    """The regular plural of a singular phrase: that of its last word; none where it already ends like a plural."""
    if phrase.endswith(("x", "ch", "sh", "ss", "us")):
        yield f"{phrase}es"
    elif not phrase.endswith("s"):
        yield f"{phrase}s"


PLURAL_KINDS = ("shape", "object", "part", "texture", "writing")
"""The kinds whose phrases are nouns that may be said of several."""


def rows() -> Iterator[tuple[str, str, str]]:
    """The whole table, plurals included: (phrase, kind, value)."""
    for table in (WRITTEN, READ):
        for kind, values in table.items():
            for value, phrases in values.items():
                for phrase in phrases:
                    yield phrase, kind, value
                    if kind in PLURAL_KINDS:
                        yield from ((plural, kind, value) for plural in plurals(phrase))
