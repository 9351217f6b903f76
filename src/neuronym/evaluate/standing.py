"""What the held-out images say of a description, in one word."""

from __future__ import annotations

from neuronym.records import Standing

RANDOM_LEVEL = 0.95
"""One random label in twenty is above this quantile."""


def standing(value: float | None, low: float | None, floor: float | None) -> Standing | None:
    """The state of a description; None where it has no score.

    ``supported``: the whole 95 % interval of its held-out correlation lies above the floor. ``weak``: the correlation
    itself does. ``unsupported``: not even that.

    Args:
        value: held-out correlation.
        low: lower end of its interval.
        floor: what one random label in twenty exceeds on the explain images.
    """
    if value is None or low is None or floor is None:
        return None
    if low > floor:
        return "supported"
    return "weak" if value > floor else "unsupported"
