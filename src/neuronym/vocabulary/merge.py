"""Several vocabularies as one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from neuronym.records import ClassPhrases, Vocabulary
from neuronym.records.vocabulary import distinct_phrases


def merge(name: str, parts: Sequence[Vocabulary]) -> Vocabulary:
    """All classes and phrases of some vocabularies: those of the first, then what the others add.

    The n-th class of a name is joined with the n-th of that name in the others, so that the two cranes of ImageNet
    stay two. A phrase that a class has already, but for case and white space, is not added. Where cards differ, the
    new one says which part says what; of several prompts, each is a line.

    Args:
        name: what the result is called.
        parts: at least one.
    """
    joined: dict[tuple[str, int], list[str]] = {}
    for part in parts:
        times: dict[str, int] = {}
        for one in part.classes:
            place = one.name, times.setdefault(one.name, 0)
            times[one.name] += 1
            joined.setdefault(place, []).extend(one.phrases)
    classes = tuple(ClassPhrases(place[0], distinct_phrases(phrases)) for place, phrases in joined.items())
    exchanges = tuple(dict.fromkeys(chain.from_iterable(part.exchanges for part in parts)))
    prompt = "\n".join(dict.fromkeys(part.prompt for part in parts))
    return Vocabulary(name, classes, prompt, _joined_card(parts), exchanges)


def _joined_card(parts: Sequence[Vocabulary]) -> dict[str, str]:
    card: dict[str, str] = {}
    for entry in dict.fromkeys(chain.from_iterable(part.card for part in parts)):
        said = [(part.name, part.card[entry]) for part in parts if entry in part.card]
        alike = len(said) == len(parts) and len({text for _, text in said}) == 1
        card[entry] = said[0][1] if alike else "; ".join(f"{of}: {text}" for of, text in dict.fromkeys(said))
    return card
