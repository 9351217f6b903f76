"""What language models share: the records, and asking again."""

from __future__ import annotations

import pickle
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuronym.backends import LanguageModel, Message, Reply, Sampling, with_retries
from neuronym.backends.language_model import LONGEST_WAIT, pause
from neuronym.errors import BusyError, LanguageModelError

ASKED = [Message("user", "what is a zebra ?")]


@dataclass
class Scripted:
    """Raises what its script has, one a request, and then replies."""

    script: list[LanguageModelError] = field(default_factory=list)
    name: str = "scripted:x"
    key: str = "scripted-1"
    parallel: int = 1

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return len(messages)

    def reply(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        if self.script:
            raise self.script.pop(0)
        return Reply(messages[-1].text, True, 1, 1)


def says(text: str) -> str:
    return f"^{re.escape(text)}$"


def test_a_busy_model_is_asked_again() -> None:
    model = Scripted([BusyError("It is busy."), BusyError("It is full.", 7.5), BusyError("It is busy.", 0.0)])
    assert isinstance(model, LanguageModel)
    waited: list[float] = []
    said: list[str] = []
    found = with_retries(model, ASKED, Sampling(), sleep=waited.append, report=said.append)
    assert found.text == "what is a zebra ?"
    assert waited == [1.0, 7.5, 4.0]
    assert said == [
        "It is busy. Asking again in 1 s, attempt 2 of 5.",
        "It is full. Asking again in 7.5 s, attempt 3 of 5.",
        "It is busy. Asking again in 4 s, attempt 4 of 5.",
    ]


@pytest.mark.parametrize(("attempts", "times"), [(1, "once"), (3, "3 times")])
def test_a_model_that_stays_busy(attempts: int, times: str) -> None:
    model = Scripted([BusyError("It is busy.") for _ in range(9)])
    waited: list[float] = []
    text = f"It is busy. It was asked {times}; wait, and run the same command again: what is done is kept."
    with pytest.raises(LanguageModelError, match=says(text)) as raised:
        with_retries(model, ASKED, Sampling(), attempts, sleep=waited.append)
    assert type(raised.value) is LanguageModelError  # who calls this need not ask again
    assert (len(waited), len(model.script)) == (attempts - 1, 9 - attempts)


def test_what_will_not_pass_is_not_asked_again() -> None:
    model = Scripted([LanguageModelError("There is no such model.")])
    waited: list[float] = []
    with pytest.raises(LanguageModelError, match=says("There is no such model.")):
        with_retries(model, ASKED, Sampling(), sleep=waited.append)
    assert waited == []
    with pytest.raises(ValueError, match=says("attempts has to be positive, got 0")):
        with_retries(model, ASKED, Sampling(), 0)


@given(st.integers(1, 3000), st.none() | st.floats(0, 1e9))
def test_pauses_double_and_keep_to_what_is_asked_for_and_to_the_longest(attempt: int, wait: float | None) -> None:
    own = 1
    for _ in range(attempt - 1):
        own *= 2
    expected = own if wait is None or wait < own else wait
    assert pause(attempt, wait) == (LONGEST_WAIT if expected > LONGEST_WAIT else expected)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"temperature": -0.5},
            "A language model cannot reply at a temperature of -0.5. Give 0 for its likeliest reply, or a positive "
            "number such as 0.7.",
        ),
        (
            {"temperature": float("nan")},
            "A language model cannot reply at a temperature of nan. Give 0 for its likeliest reply, or a positive "
            "number such as 0.7.",
        ),
        ({"max_tokens": 0}, "A reply of 0 tokens says nothing. Allow at least 1."),
    ],
)
def test_sampling_that_cannot_be(values: dict[str, float], text: str) -> None:
    with pytest.raises(LanguageModelError, match=says(text)):
        Sampling(**values)  # type: ignore[arg-type]


def test_a_busy_error_keeps_its_wait_when_pickled() -> None:
    again = pickle.loads(pickle.dumps(BusyError("It is busy.", 3.0)))
    assert (str(again), again.wait) == ("It is busy.", 3.0)
