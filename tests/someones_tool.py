"""A tool that knows nothing of Neuronym: NumPy, Pillow and the folder of an export are all that it uses.

    python someones_tool.py FOLDER LABELS.csv

It correlates each unit with how much of an image has a colour, and with the colour of its border, and says of it what
goes with it best among the words of the concept list; or nothing where nothing goes with it.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image

OBJECTS = {
    "red": (215, 45, 45),
    "orange": (240, 140, 35),
    "yellow": (240, 220, 60),
    "green": (50, 160, 60),
    "cyan": (60, 200, 210),
    "blue": (50, 80, 210),
    "purple": (130, 60, 170),
    "pink": (245, 140, 180),
    "white": (245, 245, 245),
    "black": (25, 25, 25),
}
PLACES = {
    "sky": (140, 195, 235),
    "sea": (30, 90, 140),
    "grass": (90, 150, 60),
    "sand": (220, 200, 150),
    "snow": (235, 240, 245),
    "night": (25, 25, 60),
    "brick": (160, 85, 70),
    "wood": (150, 105, 65),
}
LEAST = 0.15


def features(folder):
    concepts = set((folder / "concepts.txt").read_text(encoding="utf-8").splitlines())
    with (folder / "images.csv").open(newline="", encoding="utf-8") as file:
        positions = [int(row["position"]) for row in csv.DictReader(file)]
    assert positions == list(range(len(positions)))
    pixels = np.stack([np.asarray(Image.open(folder / "images" / f"{at:06}.png")) for at in positions]).astype(float)
    border = np.concatenate([pixels[:, :4].reshape(len(pixels), -1, 3), pixels[:, -4:].reshape(len(pixels), -1, 3)], 1)
    found = {}
    for name, colour in OBJECTS.items():
        found[f"{name} object"] = (np.linalg.norm(pixels - colour, axis=3) < 60).mean((1, 2))
    for name, colour in PLACES.items():
        found[name] = -np.linalg.norm(border.mean(1) - colour, axis=1)
    assert concepts.issuperset(found)
    return found


def standard(table):
    centred = table - table.mean(0)
    deviation = centred.std(0)
    return centred / np.where(deviation > 0, deviation, 1)


def main(folder, labels):
    found = features(folder)
    texts, shown = list(found), standard(np.stack(list(found.values()), 1))
    with labels.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["layer", "unit", "description", "score", "candidates"])
        for table in sorted(folder.glob("*/units.csv")):
            activations = standard(np.load(table.with_name("activations.npz"))["mean"].astype(float))
            fits = activations.T @ shown / len(shown)
            with table.open(newline="", encoding="utf-8") as rows:
                for row in csv.DictReader(rows):
                    fit = fits[int(row["unit"])]
                    best = np.argsort(-fit)
                    said = texts[best[0]] if fit[best[0]] > LEAST else ""
                    others = ";".join(texts[at] for at in best[:5])
                    writer.writerow([row["layer"], row["unit"], said, fit[best[0]], others])
    assert not [name for name in sys.modules if name.startswith("neuronym")]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
