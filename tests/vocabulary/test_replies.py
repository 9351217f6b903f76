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
    "* **Long neck**: reaches the leaves of tall trees\n* **Spots** - brown on a pale ground": (
        "Long neck",
        "Spots: brown on a pale ground",
    ),
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
    "A list, then.\n1. maybe ears\n2. maybe tails\n</think>\n\n- big ears\n- trunk": ("big ears", "trunk"),
    "<thinking>\n- a b\n- c d\n</thinking>\n- big ears\n- trunk": ("big ears", "trunk"),
    "<|channel|>analysis<|message|>- a\n- b<|end|><|channel|>final<|message|>- big ears\n- trunk<|return|>": (
        "big ears",
        "trunk",
    ),
    "analysisWe need a list.assistantfinal- big ears\n- trunk": ("big ears", "trunk"),
    "| Feature | Why |\n|:---|---|\n| **Long neck** | the animal is tall |\n| Horns | two short ones |": (
        "Long neck",
        "Horns: two short ones",
    ),
    "# | Feature | Why\n--|:-:|--\n1 | long neck | tall\n2 | brown patches | dots\n\nI hope this helps!": (
        "long neck",
        "brown patches",
    ),
    "1. **Head**\n   - long snout\n   - floppy ears\n2. **Legs**\n   - short legs": (
        "long snout",
        "floppy ears",
        "short legs",
    ),
    "1. Head and Face\n- long snout\n- floppy ears\n2. Bushy tail\n- a white tip": (
        "long snout",
        "floppy ears",
        "Bushy tail",
        "a white tip",
    ),
    "- Whole animal\n  - Upper part\n    - snout\n    - ears\n  - Legs\n    - paws": ("snout", "ears", "paws"),
    "**1. Long neck**\n**2. Spotted coat**": ("Long neck", "Spotted coat"),
    "### 1. Long neck\nThe neck is long.\n### 2. Spotted coat\nIt is spotted.": ("Long neck", "Spotted coat"),
    "# Key features of it\n\nlong neck\nspotted coat": ("long neck", "spotted coat"),
    "### Head\n- long snout\n- floppy ears\n### Legs\n- paws": ("long snout", "floppy ears", "paws"),
    "- **Ear shape:** floppy and round\n- Tail: bushy, white tip\n- Overall shape: long": (
        "Ear shape: floppy and round",
        "Tail: bushy, white tip",
        "long",
    ),
    "- Color:orange with stripes\n- Long neck—reaches leaves\n- Color and texture\n- Paws\n- etc.": (
        "orange with stripes",
        "Long neck",
        "Paws",
    ),
    "Feature 1: long neck\nFeature 2: spots": ("long neck", "spots"),
    "1.Long neck\n2.Spots\n3 - horns": ("Long neck", "Spots", "horns"),
    "-Long neck\n- [x] spots\nii) horns\n2.5 m": ("Long neck", "spots", "horns"),
    "🦒 Long neck\n✅ Brown patches\n→ horns 🎉": ("Long neck", "Brown patches", "horns"),
    "1️⃣ Long neck\n2️⃣ Brown patches": ("Long neck", "Brown patches"),
    "> - long neck\n> - spots": ("long neck", "spots"),
    "<ul><li>long neck</li><li>spots</li></ul>": ("long neck", "spots"),
    "- long neck<br>\n- spots<br>": ("long neck", "spots"),
    "\\begin{itemize}\n\\item long neck\n\\item spots\n\\end{itemize}": ("long neck", "spots"),
    "['long neck', 'spots',]": ("long neck", "spots"),
    '```python\nfeatures = [\n "long neck",\n "spots",\n]\n```': ("long neck", "spots"),
    "[Note] Of the animal:\n- long neck\n- spots": ("long neck", "spots"),
    "以下是一些特征：\n1、长脖子\n2、棕色斑点": ("长脖子", "棕色斑点"),  # noqa: RUF001
    "特征: 长脖子，棕色斑点、短角": ("长脖子", "棕色斑点", "短角"),  # noqa: RUF001
    "・長い首\n・茶色の斑点": ("長い首", "茶色の斑点"),
    "Merkmale:\n- langer Hals\n- braune Flecken": ("langer Hals", "braune Flecken"),
}

NO_LISTS = {
    "": "is empty",
    " \n": "is empty",
    "<think>never ended": "is empty",
    "I'm sorry, but I can't help with that, as an AI, or otherwise.": "is a refusal",
    "I\u2019m sorry. I can do this instead:\n- describe cats\n- describe dogs": "is a refusal",
    "As an AI language model, I cannot see images.": "is a refusal",
    "Unfortunately, no, none": "is a refusal",
    "I'm not able to help, but:\n- look at cats\n- look at dogs": "is a refusal",
    "Es tut mir leid, das geht nicht.": "is a refusal",
    "抱歉，我无法提供帮助，谢谢": "is a refusal",  # noqa: RUF001
    "Which class do you mean?\n- crane, the bird\n- crane, the machine": "asks back",
    "A list of its ears and so on.</think>": "is empty",
    "- Color and texture\n- Overall shape\n- None": "has 0 phrases",
    '["a\\d", "b",]': "is broken JSON",
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
