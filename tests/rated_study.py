"""A study whose descriptions are told beforehand, and ratings of it whose figures are worked out by hand.

Units of ``relu``: 0 has three descriptions, 1 has two (two runs say the same), 2 has one, 3 is dead, 4 constant.
Units of ``head``: 0 has two descriptions, 1 has one (two runs say the same), 2 has one.
"""

from __future__ import annotations

from pathlib import Path

import torch

from neuronym.store.rating_key import RatingKey
from neuronym.study import Study
from photograph_study import ATTACK, spots, write_photographs
from scripted_methods import SILENT

METHODS = ("alphanamer", "betanamer", "gammanamer")
TITLES = tuple(f"scripted_methods:{name.capitalize()}" for name in METHODS)
"""What the runs are called in tables."""

ALPHA = ("a red dot", "green spot", "blue dot", "never shown", "never shown")
BETA = (f"</script>{ATTACK}", " Green  spot.", SILENT, "never shown", SILENT)
GAMMA = ("@DATA@ & a small square that may be anywhere in a grey and noisy picture", "dots")


def make_rated_study(folder: Path, alpha: str = "Alphanamer", beta: str = "Betanamer") -> Study:
    """Probed, and explained by three methods that know nothing of the images."""
    images = write_photographs(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = spots()
    made = Study.create(folder / "spots", model=model, layers=["relu", "head"], images=str(images), top_k=12)
    made.probe(device="cpu")
    made.explain(f"scripted_methods:{alpha}", settings={"texts": ALPHA})
    made.explain(f"scripted_methods:{beta}", settings={"texts": BETA})
    made.explain("scripted_methods:Gammanamer", settings={"texts": GAMMA}, layers=["relu"], units=[0, 1])
    return made


GREEN = "Green spot."
"""What is shown of the two ways to write it."""

RATED = {ALPHA[0]: 5, BETA[0]: 1, GAMMA[0]: 3, GREEN: 4, GAMMA[1]: 2, ALPHA[2]: 3}
"""What a rater gives to each text, wherever it stands."""

BEST = {("relu", 0): ALPHA[0], ("relu", 1): GAMMA[1], ("head", 0): ALPHA[0]}
"""What a rater chooses; for the second unit it is not what was rated highest."""

MEANS = dict(zip(TITLES, (20 / 5, 6 / 3, 3 / 1), strict=True))
MEANS_KEPT = dict(zip(TITLES, (24 / 6, 10 / 4, 5 / 2), strict=True))
CHOSEN = dict(zip(TITLES, (2 / 2, 0 / 2, 0 / 1), strict=True))
CHOSEN_KEPT = dict(zip(TITLES, (2 / 3, 0 / 3, 1 / 2), strict=True))


def rows(key: RatingKey, rater: str, shift: int = 0, skip: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """A whole file of ratings as cells: :data:`RATED` moved by ``shift`` within 1 to 5; nothing for some texts."""
    made: list[tuple[str, ...]] = [("rater", "item", "option", "rating", "best")]
    for item in key.items:
        best = BEST.get((item.layer, item.unit))
        for option in item.options:
            text = option.description
            rating = "" if text in skip else str(min(5, max(1, RATED[text] + shift)))
            made.append((rater, item.item, option.option, rating, "" if best is None else str(int(text == best))))
    return made
