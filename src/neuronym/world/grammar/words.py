"""Every word that texts of the world can have, for tokenizers that know whole words only.

To tokenise a text, lower it and take its runs of letters: ``re.findall("[a-z]+", text.lower())``. Commas and
parentheses stand in texts of formulas only, never in captions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from neuronym.world.grammar import phrasing
from neuronym.world.grammar.synonyms import WRITTEN, plurals
from neuronym.world.vocabulary import WORDS

_JOINING = "a an the and or not no with without in on at of behind but something either that is are things also object"


@cache
def vocabulary_words() -> tuple[str, ...]:
    """Every lower-case word of what ``write``, ``caption``, canonical texts and templates can say, in order."""
    found = {word for text in _texts() for word in re.findall("[a-z]+", text.lower())}
    return tuple(sorted(found))


def _texts() -> Iterator[str]:
    yield _JOINING
    yield from WORDS
    yield from phrasing.TEMPLATES
    yield from (*phrasing.WORD_FORMS, *phrasing.WORD_TAILS, *phrasing.TEXT_FORMS)
    for tables in (phrasing.TAILS, phrasing.WAYS, phrasing.BEFORE, phrasing.AFTER):
        for texts in tables.values():
            yield from texts
    for rows in WRITTEN.values():
        for phrase in (phrase for phrases in rows.values() for phrase in phrases):
            yield phrase
            yield from plurals(phrase)
