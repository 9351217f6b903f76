"""How runs of methods were made, by what a manifest says of them, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neuronym.present.names import last_part
from neuronym.records import MaskRule, OcclusionRule

Made = Mapping[str, Any]
"""What a manifest says of how a run was made."""

_LONGEST = 32
"""A longer value does not tell people anything in a title."""


def run_titles(made: Mapping[str, Made]) -> dict[str, str]:
    """What runs are called: their method, and what tells them from other runs of it; their ids' ends at the last.

    Args:
        made: how they were made, by id.
    """
    methods = {run: str(made_with.get("method", run)) for run, made_with in made.items()}
    titles = {
        run: " · ".join([method, *_parts(made[run], [made[one] for one in made if methods[one] == method])])
        for run, method in methods.items()
    }
    known = list(titles.values())
    return {
        run: title if known.count(title) == 1 else f"{title} · {run.rpartition('-')[2]}"
        for run, title in titles.items()
    }


def mask_rule(made_with: Made) -> MaskRule | None:
    """Where units were active for a run; None where it compared no masks."""
    given = made_with.get("mask_rule")
    return MaskRule.from_spec(given) if isinstance(given, Mapping) else None


def occlusion_rule(made_with: Made) -> OcclusionRule | None:
    """How images were covered for a run; None where it covered none."""
    given = made_with.get("occlusion_rule")
    return OcclusionRule.from_spec(given) if isinstance(given, Mapping) else None


def run_parameters(made_with: Made) -> Mapping[str, Any]:
    """The parameters of a run's method by name."""
    key = made_with.get("key")
    given = key.get("parameters") if isinstance(key, Mapping) else None
    return given if isinstance(given, Mapping) else {}


def in_words(value: Any) -> str:
    """A parameter's value for people; a method's own choice is ``default``."""
    if isinstance(value, list | tuple):
        return ", ".join(map(in_words, value)) or "none"
    return "default" if value is None else str(value)


def _parts(made_with: Made, runs: Sequence[Made]) -> list[str]:
    """What tells a run from the other runs of its method."""
    known = [part for part in ("concepts", "encoder") if made_with.get(part)]
    told = [last_part(str(made_with[part])) for part in known if any(one.get(part) != made_with[part] for one in runs)]
    own, others = _told(made_with), [_told(one) for one in runs]
    differing = {name: value for name, value in own.items() if any(one.get(name, value) != value for one in others)}
    words = [f"{name} {value}" for name, value in differing.items() if value is not None]
    return [*told, *(one for one in words if len(one) <= _LONGEST)]


def _told(made_with: Made) -> dict[str, str | None]:
    """What decides about a run, in words; of a quantile and a threshold the one that its masks were made with.

    What was not asked of it is None; a parameter that its release did not have is not there.
    """
    given, rule, level = run_parameters(made_with), mask_rule(made_with), made_with.get("abstain")
    told: dict[str, str | None] = {}
    if rule is not None:
        value = "of each unit" if isinstance(rule.value, tuple) else str(rule.value)
        quantile = None if rule.quantile is None else f"{rule.quantile:g}"
        told = {"quantile": quantile, "threshold": None if quantile else value}
    others = {name: in_words(given[name]) for name in sorted(given) if name not in told}
    return {**told, **others, "abstains at": None if level is None else str(level)}
