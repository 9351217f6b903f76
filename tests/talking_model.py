"""A language model that says what it is told to, for tests; ``--llm talking_model:build``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from neuronym.backends.language_model import Message, Reply, Sampling

REPLIES = {
    "fox": "Sure! Here are some:\n1. red fur\n2. a bushy tail\n3. white tip of the fox tail",
    "owl": "- round eyes\n- hooked beak\n- red fur",
    "newt": "I'm sorry, but I cannot help with that.",
}


@dataclass
class Talking:
    """Answers by :data:`REPLIES`, or as ``answer`` says; counts every token as a word."""

    answer: Callable[[str, Sampling], str | Reply | Exception] | None = None
    parallel: int = 1
    key: str = "talking-1"
    name: str = "talking_model:build"
    asked: list[tuple[str, Sampling]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.text.split()) for message in messages)

    def reply(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        text = messages[-1].text
        with self.lock:
            self.asked.append((text, sampling))
        given = (
            self.answer(text, sampling)
            if self.answer
            else next((reply for name, reply in REPLIES.items() if name in text), "I do not know.")
        )
        if isinstance(given, Exception):
            raise given
        if isinstance(given, Reply):
            return given
        return Reply(given, True, self.count_tokens(messages), len(given.split()))


def build(device: object) -> Talking:
    return Talking()
