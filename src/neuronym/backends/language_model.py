"""The protocol of a language model, the records that it exchanges, and the one way of asking again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from neuronym.errors import BusyError, LanguageModelError

if TYPE_CHECKING:
    import torch

LONGEST_WAIT = 120.0
"""Seconds that :func:`with_retries` waits at most between two attempts, whatever a server asks for."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: who speaks.
        text: what is said.
    """

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """What decides a reply beside the model and the messages.

    Attributes:
        seed: which of the possible replies; without a part where the temperature is 0.
        temperature: 0 for the likeliest token at every place; above, tokens are drawn from the softmax of the logits
            divided by it.
        max_tokens: how long a reply may be; a longer one is cut off.

    Raises:
        LanguageModelError: the temperature is negative or not finite, or no token is allowed.
    """

    seed: int = 0
    temperature: float = 0.0
    max_tokens: int = 512

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise LanguageModelError(
                f"A language model cannot reply at a temperature of {self.temperature:g}. Give 0 for its likeliest "
                "reply, or a positive number such as 0.7."
            )
        if self.max_tokens < 1:
            raise LanguageModelError(f"A reply of {self.max_tokens} tokens says nothing. Allow at least 1.")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a language model answered.

    Attributes:
        text: its words, without the white space around them.
        finished: False where it was cut off, by ``max_tokens``, the model's context or a server's filter.
        prompt_tokens: how many tokens the messages were; an estimate where a server does not say.
        reply_tokens: how many tokens the answer was; likewise.
    """

    text: str
    finished: bool
    prompt_tokens: int
    reply_tokens: int


@runtime_checkable
class LanguageModel(Protocol):
    """Answers messages by a text.

    This is the whole contract for a language model of your own:

    - One call of ``reply`` is one exchange; the model remembers nothing of it, and asks nobody twice: who calls it
      asks again, by :func:`with_retries`.
    - It says by a :class:`~neuronym.errors.BusyError` that asking again may help, and by another
      :class:`~neuronym.errors.LanguageModelError` that it does not. A failure is never a reply.
    - A local model gives the same reply to the same messages and sampling on one machine, and leaves the global random
      state as it was. A server may not keep to the seed.
    - It may be called from several threads at once.
    - It can be pickled, and comes back with the same key; no secret is in the pickle, the key or the name.
    """

    @property
    def name(self) -> str:
        """How users write the model, with its prefix, for example ``hf:Qwen/Qwen3-4B`` or ``http://localhost/v1``."""

    @property
    def key(self) -> str:
        """Identity for caches, a short string fit for file names.

        It covers what decides replies: the weights, the tokenizer and the chat template of a local model; the address
        and the model's name for a server, which may change the weights behind them and nobody sees it.
        """

    @property
    def parallel(self) -> int:
        """How many calls of ``reply`` are worth making at once, from threads; 1 for local models."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """How many tokens the messages are to the model: exact for a local one, an estimate for a server."""

    def reply(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """The answer to the messages, of which the last is the user's.

        Raises:
            BusyError: there is none now, and may be one later.
            LanguageModelError: there will be none.
        """


class LanguageModelLoader(Protocol):
    """What an entry point of the group ``neuronym.language_models`` refers to; the entry point's name is the prefix."""

    def __call__(self, name: str, device: torch.device) -> LanguageModel:
        """The language model that ``name`` stands for, ready to work.

        Args:
            name: what follows the prefix and its colon.
            device: where it computes; a server does not care.

        Raises:
            UserError: the model cannot be had or used; the message names what was got and the remedy.
        """


def with_retries(
    model: LanguageModel,
    messages: Sequence[Message],
    sampling: Sampling,
    attempts: int = 5,
    sleep: Callable[[float], object] = time.sleep,
    report: Callable[[str], object] | None = None,
) -> Reply:
    """The reply of a model that is asked again where it was busy.

    Args:
        model: who is asked.
        messages: see :meth:`LanguageModel.reply`.
        sampling: likewise.
        attempts: how often it is asked at most, from 1.
        sleep: waits some seconds; see :func:`pause` for how many.
        report: gets a sentence before every wait.

    Raises:
        LanguageModelError: it was busy at every attempt, or there will be no reply.
    """
    for attempt in range(1, attempts + 1):
        try:
            return model.reply(messages, sampling)
        except BusyError as error:
            if attempt >= attempts:
                times = "once" if attempts == 1 else f"{attempts} times"
                raise LanguageModelError(
                    f"{error} It was asked {times}; wait, and run the same command again: what is done is kept."
                ) from error
            seconds = pause(attempt, error.wait)
            if report is not None:
                report(f"{error} Asking again in {seconds:g} s, attempt {attempt + 1} of {attempts}.")
        sleep(seconds)
    raise ValueError(f"attempts has to be positive, got {attempts}")


def pause(attempt: int, wait: float | None) -> float:
    """Seconds until the next attempt: 1, 2, 4 and so on, or longer where the model asked for it.

    Args:
        attempt: how many were made, from 1.
        wait: what the model asked for; None where it did not.

    Returns:
        From 1 to :data:`LONGEST_WAIT`.
    """
    own = 2.0 ** min(attempt - 1, 16)
    return min(max(own, wait or 0.0), LONGEST_WAIT)
