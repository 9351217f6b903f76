"""How much may be asked of a language model: a limit that is never passed, not even by the last call."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from neuronym.backends.language_model import LanguageModel, Message, Reply, Sampling
from neuronym.errors import NeuronymError


class LimitReachedError(NeuronymError):
    """One more call could pass a limit, or no more are wanted; the message says which."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in any one currency.

    Attributes:
        prompt: tokens that are sent.
        reply: tokens that come back.
    """

    prompt: float
    reply: float

    def of(self, prompt_tokens: float, reply_tokens: float) -> float:
        """The cost of some tokens."""
        return (prompt_tokens * self.prompt + reply_tokens * self.reply) / 1e6


FREE = Price(0.0, 0.0)
"""What a local model costs."""


class Metered:
    """A language model that is asked only as long as a budget lasts; from several threads, too.

    Every request counts as a call, also one that failed. Before a request the longest reply that it may have is set
    aside, so that the cost stays within the limit whatever comes back; what is over is given back afterwards. A request
    without a reply costs nothing, which is what servers charge for it as a rule.

    Args:
        model: the model.
        price: what its tokens cost.
        max_calls: requests at most; None for any number.
        max_cost: what they may cost at most, in the currency of ``price``; None for any amount.

    Attributes:
        calls: requests so far.
        cost: what the replies so far cost.
    """

    def __init__(
        self, model: LanguageModel, price: Price = FREE, max_calls: int | None = None, max_cost: float | None = None
    ) -> None:
        self._model, self._price = model, price
        self._max_calls, self._max_cost = max_calls, max_cost
        self.calls, self.cost = 0, 0.0
        self._set_aside, self._asking, self._closed = 0.0, 0, False
        self._changed = threading.Condition()

    @property
    def name(self) -> str:
        """That of the model."""
        return self._model.name

    @property
    def key(self) -> str:
        """That of the model."""
        return self._model.key

    @property
    def parallel(self) -> int:
        """That of the model."""
        return self._model.parallel

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """See :class:`~neuronym.backends.language_model.LanguageModel`."""
        return self._model.count_tokens(messages)

    @property
    def asking(self) -> int:
        """How many requests are on their way."""
        with self._changed:
            return self._asking

    def close(self) -> None:
        """Let no more requests begin."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def reply(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """See :class:`~neuronym.backends.language_model.LanguageModel`.

        Raises:
            LimitReachedError: the request was not made, because it could pass a limit.
        """
        most = self._price.of(_most_tokens(messages), sampling.max_tokens)
        self._begin(most)
        cost = 0.0
        try:
            reply = self._model.reply(messages, sampling)
            cost = self._price.of(reply.prompt_tokens, reply.reply_tokens)
            return reply
        finally:
            self._end(most, cost)

    def _begin(self, most: float) -> None:
        with self._changed:
            # What others have set aside may come back, so a full purse is empty only when nobody is asking.
            self._changed.wait_for(lambda: self._closed or self._fits(most) or not self._asking)
            if self._closed:
                raise LimitReachedError("no more requests are wanted")
            if self._max_calls is not None and self.calls >= self._max_calls:
                raise LimitReachedError(f"--max-calls {self._max_calls} is reached")
            if not self._fits(most):
                raise LimitReachedError(
                    f"--max-cost {self._max_cost:g} could be passed by the next reply: {self.cost:.4g} is spent"
                )
            self.calls += 1
            self._asking += 1
            self._set_aside += most

    def _end(self, most: float, cost: float) -> None:
        with self._changed:
            self._asking -= 1
            self._set_aside = self._set_aside - most if self._asking else 0.0  # exactly nothing, whatever was rounded
            self.cost += cost
            self._changed.notify_all()

    def _fits(self, most: float) -> bool:
        return self._max_cost is None or self.cost + self._set_aside + most <= self._max_cost


def _most_tokens(messages: Sequence[Message]) -> int:
    """More tokens than messages can be: every byte one, and 16 for what a server puts around each message."""
    return sum(len(message.text.encode()) + 16 for message in messages)
