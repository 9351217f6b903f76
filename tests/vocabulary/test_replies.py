from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuronym.vocabulary.replies import ASPECTS, LONGEST, Unreadable, phrases_of

LISTS = {
    "1. long neck\n2. brown patches\n3. ossicones": ("long neck", "brown patches", "ossicones"),
    "1) long neck\n2) brown patches": ("long neck", "brown patches"),
    "(1) long neck\n(2) brown patches": ("long neck", "brown patches"),
    "a. long neck\nB) brown patches": ("long neck", "brown patches"),
    "Sure! Here are some features:\n\n- long neck\n- brown patches.\n\nLet me know if you need more!": (
        "long neck",
        "brown patches",
    ),
    "• long neck\n• brown patches;": ("long neck", "brown patches"),
    "* **Long neck**: reaches the leaves of tall trees\n* **Spots** - brown on a pale ground": ("Long neck", "Spots"),
    "- **Color:** orange with black stripes\n- Shape: long and thin\n- stripes": (
        "orange with black stripes",
        "long and thin",
        "stripes",
    ),
    "1. **Head:**\n   - beak\n   - crest\n2. **Body:**\n   - webbed feet": ("beak", "crest", "webbed feet"),
    "1. Shape\n   - round body\n   - flat tail": ("round body", "flat tail"),
    "long neck\nbrown patches\nossicones": ("long neck", "brown patches", "ossicones"),
    "Okay\n\nbig ears\nlong trunk\n\nI hope this helps!": ("big ears", "long trunk"),
    "**Big ears**\n**Long trunk**": ("Big ears", "Long trunk"),
    "long neck; spotted coat; hooves": ("long neck", "spotted coat", "hooves"),
    "Features: a long neck, a spotted coat, and small horns.": ("a long neck", "a spotted coat", "small horns"),
    "Here are the features:\nlong neck, spotted coat": ("long neck", "spotted coat"),
    '["long neck", "spotted coat"]': ("long neck", "spotted coat"),
    '```json\n{"features": ["long neck", "spotted coat"]}\n```': ("long neck", "spotted coat"),
    'Sure, as JSON:\n[\n "long neck",\n "spotted coat"\n]\nLet me know!': ("long neck", "spotted coat"),
    "<think>A list. 1. no\n2. no</think>\n- big ears\n- trunk": ("big ears", "trunk"),
    "- “Long neck”\n- 'long  NECK'\n- \"spots\"": ("Long neck", "spots"),
    "- long neck (up to 2 m)\n- 🦒\n- spots": ("long neck", "spots"),
    "- cat's eyes\n- U-shaped horns\n- black-and-white tail": ("cat's eyes", "U-shaped horns", "black-and-white tail"),
    f"- long neck\n- spots\n- {'very ' * LONGEST}long legs": ("long neck", "spots"),
}

NO_LISTS = {
    "": "is empty",
    " \n": "is empty",
    "<think>never ended": "is empty",
    "I'm sorry, but I can't help with that, as an AI, or otherwise.": "is a refusal",
    "I\u2019m sorry. I can do this instead:\n- describe cats\n- describe dogs": "is a refusal",
    "As an AI language model, I cannot see images.": "is a refusal",
    "Unfortunately, no, none": "is a refusal",
    '["long neck", "spot': "is broken JSON",
    '{"features": "long neck"}': "is JSON without one list of texts",
    '{"a": ["b", "c"], "d": ["e", "f"]}': "is JSON without one list of texts",
    '[{"name": "long neck"}, {"name": "spots"}]': "is JSON without one list of texts",
    "A giraffe has a long neck, spots, and hooves.": "is prose and no list",
    "The giraffe is the tallest animal.\nIt has spots.": "is prose and no list",
    "giraffe": "is no list",
    "- long neck": "is no list",
    "- spots\n- Spots": "has a single phrase",
    "- 🦒\n- 🐘": "has 0 phrases",
    f"- {'very ' * LONGEST}tall\n- {'so ' * LONGEST}tall\n- spots": "is of sentences rather than short phrases",
    f"{'very ' * LONGEST}tall\nspots": "is prose and no list",
}


@pytest.mark.parametrize("reply", LISTS)
def test_lists_of_every_form_are_read(reply: str) -> None:
    assert phrases_of(reply) == LISTS[reply]


@pytest.mark.parametrize("reply", NO_LISTS)
def test_what_is_no_list_is_never_phrases(reply: str) -> None:
    assert phrases_of(reply) == Unreadable(NO_LISTS[reply])


WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=8).filter(lambda word: word not in ASPECTS)
PHRASES = st.lists(
    st.lists(WORD, min_size=2, max_size=5).map(lambda words: "x" + " ".join(words)), min_size=2, max_size=9, unique=True
)


@given(PHRASES, st.sampled_from(["- {}", "* {}", "• **{}**", "{n}. {}", "{n}) {}.", '{n}. "{}": said of it', "- {};"]))
def test_written_lists_come_back(phrases: list[str], form: str) -> None:
    lines = [form.format(phrase, n=number) for number, phrase in enumerate(phrases, 1)]
    reply = "\n".join(["Here are some features:", "", *lines, "", "I hope this helps!"])
    assert phrases_of(reply) == tuple(phrases)
    assert phrases_of(json.dumps(phrases)) == tuple(phrases)


@given(st.text())
def test_whatever_is_said_gives_phrases_or_a_reason(reply: str) -> None:
    found = phrases_of(reply)
    if isinstance(found, Unreadable):
        assert found.reason
        return
    assert len(found) >= 2
    assert len({" ".join(phrase.split()).casefold() for phrase in found}) == len(found)
    for phrase in found:
        assert phrase == " ".join(phrase.split())
        assert 1 <= len(phrase.split()) <= LONGEST
        assert any(letter.isalpha() for letter in phrase)
