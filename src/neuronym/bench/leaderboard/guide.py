"""What is told to who opens the folder of an export."""

from __future__ import annotations

from collections.abc import Sequence

_TEXT = """\
# Benchmark of unit descriptions, version {version}

Describe units of vision networks with any tool, and find how true the descriptions are on images that the tool has not
seen. Everything here was made by `neuronym bench export`, and nothing of Neuronym is needed to work with it.

## What is here

{hosts}

- `HOST/activations.npz`: arrays `mean` and `max`, float32 [{explain} images, units]: the mean and the maximum of each
  unit's activation map over each image. Logits have no map, so that their two arrays are equal.
- `HOST/units.csv`: the units, with a column `description` to be filled in.
- `images.csv`: the images in the order of the arrays' rows, by `position`, `id` (a hash of the content) and `scene`,
  the number in the world that all images are drawn from: `{source}`.
{pictures}
- `concepts.txt`: the world's own list of {concepts} concepts, one a line.
- `benchmark.json`: version, sizes, fingerprints of images, units and networks, and the SHA-256 of every file.

    import numpy as np
    activations = np.load("{first}/activations.npz")["mean"]
    strongest = activations.argsort(axis=0)[-20:]  # rows of images.csv, for each unit

Not here are the {test} test images, what the units do on them, and the true descriptions.

## What to do

Fill in `description`, one text for a unit. Leave it blank for units of which nothing can be said: some are dead or
noise. Two columns may be added: `score`, how sure the tool is (more is surer, on any scale), and `candidates`, further
texts with `;` between them, the likeliest first. Then

    neuronym bench score {first}/units.csv --name "my tool"

with one table or several. Hosts that the tables say nothing of are left out.

## How descriptions are judged

The world knows of each scene whether a text is true of it. The text may be any that its grammar reads: the concepts of
the list, and what is made of their words, such as `a large green arrow`, `arrow or cross`, `triangle in the snow`,
`a purple ring without writing` or `the word ZOO`, in these words or common others. A text that it does not read is
worth 0, and counted.

The headline is the correlation of a unit's mean activation on the test images with the truth of its description on
them: the mean over all units of the host that have a true description, on the scale on which random texts of the list
have 0 and the true descriptions 1. A unit without a description is worth 0, so that silence pays only on the units that
have none. Beside it are F1, AUPRC, the share of units whose text says the same as the true one, how often nothing is
said of dead and noise units, and, where there are scores, risk against coverage.

The truth is in the installed package and in marks in the lowest bits of the pictures, and nothing keeps a tool from
looking. A score tells something of tools that do not.
"""


def guide(
    version: str,
    hosts: Sequence[tuple[str, str, int]],
    sizes: tuple[int, int],
    concepts: int,
    source: str,
    images: bool,
) -> str:
    """The text of the export's README.

    Args:
        version: of the benchmark.
        hosts: name, title and number of units of each.
        sizes: how many explain and test images.
        concepts: how many there are on the list.
        source: the name of the explain images.
        images: whether the pictures are exported.
    """
    return _TEXT.format(
        version=version,
        hosts="\n".join(f"- `{name}/`: {units} {title}" for name, title, units in hosts),
        explain=f"{sizes[0]:,}",
        test=f"{sizes[1]:,}",
        concepts=concepts,
        source=source,
        first=hosts[0][0],
        pictures="- `images/000000.png` ...: the pictures, by their position."
        if images
        else "- The pictures are not here; `neuronym bench export --images` writes them.",
    )
