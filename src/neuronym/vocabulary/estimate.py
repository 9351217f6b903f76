"""What a build is going to take, before anybody is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neuronym.backends.language_model import Message
from neuronym.vocabulary.budget import Metered, Price
from neuronym.vocabulary.build import Builder, Question
from neuronym.vocabulary.cache import ReplyCache

GUESSED = 120
"""Tokens of a reply of which nothing is known: a list of about ten short phrases."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is still to be asked.

    Attributes:
        kept: classes whose replies are kept already.
        calls: classes to be asked about; as many requests where every first reply can be read.
        most_calls: requests if none can.
        prompt_tokens: of ``calls`` requests, as the model counts them.
        reply_tokens: an estimate.
        seen: how many kept replies that estimate is the mean of; 0 where it is guessed.
        cost: of ``calls`` requests, in the currency of the price; None where no price is known.
    """

    kept: int
    calls: int
    most_calls: int
    prompt_tokens: int
    reply_tokens: int
    seen: int
    cost: float | None


def estimate(
    names: Sequence[str],
    question: Question,
    model: Metered,
    cache: ReplyCache,
    price: Price | None,
) -> Estimate:
    """What asking about some classes is going to take; nobody is asked.

    Args:
        names: the classes.
        question: what is asked.
        model: who would be asked.
        cache: what it replied before.
        price: of its tokens; None where it is not known.
    """
    missing = Builder(model, cache, question).missing(names)
    known = [cache.read(name, question.about(name), question.sampling) for name in names]
    lengths = [reply.reply_tokens for reply in known if reply is not None]
    length = sum(lengths) / len(lengths) if lengths else min(GUESSED, question.sampling.max_tokens)
    prompt_tokens = sum(model.count_tokens([Message("user", question.about(name))]) for name in missing)
    reply_tokens = round(length * len(missing))
    return Estimate(
        kept=len(names) - len(missing),
        calls=len(missing),
        most_calls=len(missing) * question.attempts,
        prompt_tokens=prompt_tokens,
        reply_tokens=reply_tokens,
        seen=len(lengths),
        cost=None if price is None else price.of(prompt_tokens, reply_tokens),
    )
