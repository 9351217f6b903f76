"""The division of probe images into those that descriptions are made from and those they are judged on."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

from neuronym.errors import ProbeError
from neuronym.records import Split

_HASH_BITS = 64


def order_key(text: str, seed: int) -> int:
    """A number from 0 to 2**64 - 1 that the seed and the text alone decide, as if drawn at random."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{text}".encode(), digest_size=_HASH_BITS // 8).digest(), "big")


def assign(ids: Sequence[str], labels: Sequence[str | None], seed: int, test_fraction: float) -> list[Split]:
    """The split of every image; it depends on the ids, the labels and the seed, not on their order.

    Without labels (or if any is missing), an image is a test image if its hash lies in the lowest ``test_fraction`` of
    all hashes, so that images added later move none. With labels, the same share of every class is tested, to within
    one image: of a class of n, floor(n f) images are tested and floor(n (1 - f)) not; the odd image of each class is
    decided over all classes together, so that classes of one image also divide by ``test_fraction``.

    Two or more images always give at least one of each split (if ``test_fraction`` is not 0); one image is explained.

    Args:
        ids: the images' ids, all different.
        labels: the class of each image, or None.
        seed: another seed gives another, equally good division.
        test_fraction: 0 (nothing is tested) up to, but not including, 1.

    Raises:
        ProbeError: ``test_fraction`` is outside of this range.
    """
    if not 0 <= test_fraction < 1:
        raise ProbeError(f"The test fraction is {test_fraction}. Give a number from 0 up to, but not including, 1.")
    if len(ids) != len(labels):
        raise ValueError(f"{len(ids)} ids and {len(labels)} labels")
    # Exactly the decimal number that was typed: 100 x (1 - 0.3) is 70 images, not 69 after a rounding error.
    fraction = Fraction(repr(float(test_fraction)))
    keys = [order_key(image_id, seed) for image_id in ids]
    if not ids or fraction == 0:
        tested: set[int] = set()
    elif None in labels:
        tested = _by_threshold(keys, fraction)
    else:
        tested = _by_class(keys, labels, fraction)
    return ["test" if index in tested else "explain" for index in range(len(ids))]


def _by_threshold(keys: Sequence[int], fraction: Fraction) -> set[int]:
    limit = fraction * 2**_HASH_BITS
    order = sorted(range(len(keys)), key=keys.__getitem__)
    count = sum(key < limit for key in keys)
    return set(order[: _within(count, len(keys))])


def _by_class(keys: Sequence[int], labels: Sequence[str | None], fraction: Fraction) -> set[int]:
    classes: defaultdict[str | None, list[int]] = defaultdict(list)
    for index in sorted(range(len(keys)), key=keys.__getitem__):
        classes[labels[index]].append(index)
    tested: set[int] = set()
    odd: list[int] = []
    for members in classes.values():
        sure = math.floor(len(members) * fraction)
        kept = math.floor(len(members) * (1 - fraction))
        tested.update(members[:sure])
        odd += members[sure : len(members) - kept]
    wanted = _within(math.floor(len(keys) * fraction + Fraction(1, 2)), len(keys))
    odd.sort(key=keys.__getitem__)
    return tested.union(odd[: wanted - len(tested)])


def _within(count: int, total: int) -> int:
    """``count`` test images, but at least one image of each split where there are two or more."""
    return min(max(count, 1), total - 1)
