"""The grammar of the embedded world: concepts to text in varied words, and text back to concepts.

:func:`write` and :func:`caption` say a concept, and what is in a scene; :func:`parse` reads any text, and says what it
does not understand. The table of synonyms is frozen: see :mod:`neuronym.world.grammar.synonyms`.
"""

from __future__ import annotations

from neuronym.world.grammar.captions import Detail, caption, captions, describe, describe_region, region_caption, said
from neuronym.world.grammar.parsing import parse, presence_of
from neuronym.world.grammar.phrasing import TEMPLATES
from neuronym.world.grammar.refusal import Unparsed
from neuronym.world.grammar.words import vocabulary_words
from neuronym.world.grammar.writing import write

__all__ = [
    "TEMPLATES",
    "Detail",
    "Unparsed",
    "caption",
    "captions",
    "describe",
    "describe_region",
    "parse",
    "presence_of",
    "region_caption",
    "said",
    "vocabulary_words",
    "write",
]
