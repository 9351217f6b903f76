"""How the tables in the terminal write figures."""

from __future__ import annotations

from neuronym.records.benchmark import Measure


def short(value: float, sign: str = "") -> str:
    """Three decimals, without the nought before the point; ``sign="+"`` writes that of positive values too."""
    text = f"{value:{sign}.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 0.9995 else text


def mean(one: Measure | None, *, share: bool = False, none: str = "") -> str:
    """The mean of a measure, of a share in per cent; ``none`` where there is none."""
    if one is None or one.value is None:
        return none
    return f"{one.value:.0%}" if share else short(one.value)


def ends(low: float | None, high: float | None, sign: str = "") -> str:
    """Both ends of an interval; empty where there is none."""
    return "" if low is None or high is None else f"{short(low, sign)} to {short(high, sign)}"


def milliseconds(seconds: float | None) -> str:
    """Seconds as milliseconds with one decimal; empty where they are not known."""
    return "" if seconds is None else f"{1000 * seconds:,.1f}"
