"""Whether a vocabulary is one for the classes of a model."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence

from neuronym.errors import MethodError, NeuronymWarning
from neuronym.records import Vocabulary
from neuronym.records.vocabulary import class_key
from neuronym.store.vocabulary_files import PREFIX, read_shipped, shipped

_PLACEHOLDER = re.compile(r"(?:label|class)? ?\d+")


def check_vocabulary(vocabulary: Vocabulary, class_names: Sequence[str] | None) -> None:
    """Raise where a vocabulary is for other classes than a model's, and warn where fewer than half are the same.

    One for more classes than the model has, or for a part of them, is all right.

    Names are compared without case, signs and all synonyms but the first. Where the model has no names, or mere numbers
    such as ``LABEL_0``, nothing is known against it.

    Args:
        vocabulary: what descriptions are chosen among.
        class_names: of the model's outputs; None where they have none.

    Raises:
        MethodError: none of its classes is one of the model's.
    """
    names = class_names or ()
    known = _keys(names)
    if all(_PLACEHOLDER.fullmatch(key) for key in known):
        return
    own = _keys(one.name for one in vocabulary.classes)
    shared = len(own & known)
    if not shared:
        raise MethodError(
            f"The vocabulary {vocabulary.name!r} is for other classes than the model's: it has "
            f"{vocabulary.classes[0].name!r}, the model {names[0]!r}. {_remedy(known)}"
        )
    if 2 * shared < min(len(own), len(known)):
        warnings.warn(
            f"Only {shared} of the {len(own)} classes of the vocabulary {vocabulary.name!r} are classes of the model, "
            f"so most phrases are about other things. {_remedy(known)}",
            NeuronymWarning,
            stacklevel=2,
        )


def _remedy(known: set[str]) -> str:
    fitting = _fitting(known)
    make = f"Use --concepts {PREFIX}{fitting}" if fitting else "Make one with `neuronym vocab build --classes MODEL`"
    return f"{make}, or write its phrases into a text file, one per line, to choose among them all the same."


def _fitting(known: set[str]) -> str | None:
    """The shipped vocabulary that has most of some classes, if it has half of them."""
    best, most = None, len(known) / 2
    for name in shipped():
        own = _keys(one.name for one in read_shipped(name).classes)
        shared = len(own & known)
        if shared >= most:
            best, most = name, shared
    return best


def _keys(names: Iterable[str]) -> set[str]:
    return {class_key(name) for name in names} - {""}
