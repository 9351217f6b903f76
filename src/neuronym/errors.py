"""The exceptions that Neuronym raises on purpose.

    NeuronymError
     ├── UserError            what the user gave cannot be used; the command line prints it and exits with 2
     │    ├── UnknownNameError an unknown model, layer, encoder, method, concept group ...
     │    ├── TargetError     a model or its weights cannot be used as asked
     │    ├── ProbeError      the probe images or their labels cannot be used as asked
     │    ├── StudyError      a study folder is damaged, foreign, newer, in the way or read-only
     │    ├── MethodError     a method cannot run on this study with these parameters
     │    └── LanguageModelError a language model cannot be had, or does not answer
     │         └── BusyError  it may answer if asked again: rate limit, time-out, lost connection, broken reply
     └── NonFiniteError       the target produced NaN or infinity (also exits with 2: the remedy is the user's)

:class:`NeuronymWarning` is for what can go on and may not be what the user meant.

Anything else that escapes is a bug and keeps its traceback. A message is one clear sentence or two: what was wrong,
what was got, and the remedy.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class NeuronymError(Exception):
    """Base of every exception that Neuronym raises on purpose."""


class UserError(NeuronymError):
    """What the user gave cannot be used; the message names what was got and the remedy."""


class UnknownNameError(UserError):
    """A name that stands for nothing; build it with :func:`unknown_name`."""


class TargetError(UserError):
    """A target model, its weights or its preprocessing cannot be used as asked."""


class ProbeError(UserError):
    """Probe images or their labels cannot be used as asked."""


class StudyError(UserError):
    """A study folder is damaged, foreign, of a newer schema, in the way, or cannot be written."""


class MethodError(UserError):
    """A method cannot run on this study with these parameters."""


class LanguageModelError(UserError):
    """A language model cannot be had or used; asking again does not help."""


class BusyError(LanguageModelError):
    """A language model gave no usable reply, and may give one if it is asked again.

    Attributes:
        wait: after how many seconds it asked to be tried again; None where it did not say.
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class NonFiniteError(UserError):
    """The target produced NaN or infinite activations."""


class NeuronymWarning(UserWarning):
    """Work goes on, and its result may not be what the user expects; the message says why and names the remedy."""


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known names most like ``name``, best first; at most ``count``."""
    return difflib.get_close_matches(name, list(known), n=count, cutoff=0.4)


def unknown_name(kind: str, name: str, known: Iterable[str], remedy: str = "") -> UnknownNameError:
    """The error for a name of some kind that does not exist, naming the nearest ones that do.

    Args:
        kind: what the name should have been, for example ``"layer"``.
        name: what was got.
        known: all valid names of this kind.
        remedy: a closing sentence, for example the command that lists the valid names.
    """
    names = sorted(known)
    near = nearest(name, names)
    if near:
        hint = f"Nearest: {', '.join(near)}."
    elif names:
        shown = ", ".join(names[:8])
        hint = f"Known: {shown}{', …' if len(names) > 8 else ''}."
    else:
        hint = "None are known."
    return UnknownNameError(f"There is no {kind} {name!r}. {hint}{' ' + remedy if remedy else ''}")
