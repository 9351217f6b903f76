"""The conformance suite of language models: plain functions that say in an AssertionError what is wrong.

It runs on every language model, built-in or foreign. A third party calls, in any test runner,

    check_language_model(load("my-model", torch.device("cpu")))

with a model that answers short questions. ``same=False`` leaves out that the same seed gives the same reply, which a
server does not promise.
"""

from __future__ import annotations

import pickle
import re
from concurrent.futures import ThreadPoolExecutor

import torch

from neuronym.backends import LanguageModel, Message, Reply, Sampling

QUESTION = (Message("user", "what is a zebra ?"),)
SHORT = Sampling(seed=3, temperature=1.0, max_tokens=12)


def check_language_model(model: LanguageModel, same: bool = True) -> None:
    """Every check; all ask about ten times for 12 tokens."""
    check_attributes(model)
    check_tokens(model)
    check_reply(model.reply(QUESTION, SHORT), SHORT)
    if same:
        check_determinism(model)
    check_threads(model, same)
    check_pickled(model, same)


def check_attributes(model: LanguageModel) -> None:
    """Name, key and parallel are there and of use."""
    assert isinstance(model, LanguageModel), f"{type(model).__name__} lacks a part of LanguageModel"
    assert isinstance(model.name, str), f"name is not a string but {model.name!r}"
    assert re.fullmatch(r"[^:\s]+:.+", model.name), f"name has no prefix: {model.name!r}"
    assert isinstance(model.key, str), f"key is not a string but {model.key!r}"
    assert re.fullmatch(r"[\w.-]{8,80}", model.key), f"key is not fit for a file name: {model.key!r}"
    assert isinstance(model.parallel, int), f"parallel is not a whole number but {model.parallel!r}"
    assert model.parallel >= 1, f"parallel is {model.parallel}, which lets nobody ask"


def check_tokens(model: LanguageModel) -> None:
    """Longer messages, and more of them, are more tokens."""
    longer = (Message("user", QUESTION[0].text + " a zebra of what , a dog ?"),)
    more = (Message("system", "a dog is a dog"), *QUESTION)
    short = model.count_tokens(QUESTION)
    assert isinstance(short, int), f"the count of tokens is not a whole number but {short!r}"
    assert short > 0, f"a question has {short} tokens"
    for messages in (longer, more):
        assert model.count_tokens(messages) > short, f"{messages!r} are not more tokens than {QUESTION!r}"


def check_reply(reply: Reply, sampling: Sampling) -> None:
    """A reply has the right types, keeps to the limit, and is bare of white space."""
    assert isinstance(reply, Reply), f"a reply is a {type(reply).__name__}"
    assert reply.text == reply.text.strip(), f"white space is around {reply.text!r}"
    assert isinstance(reply.finished, bool), f"finished is not a bool but {reply.finished!r}"
    assert reply.prompt_tokens > 0, f"a question was {reply.prompt_tokens} tokens"
    assert 0 <= reply.reply_tokens <= sampling.max_tokens, f"{reply.reply_tokens} tokens, not {sampling.max_tokens}"


def check_determinism(model: LanguageModel) -> None:
    """The same seed gives the same reply, others do not all give it, and the global random state stays as it was."""
    before = torch.get_rng_state()
    replies = [model.reply(QUESTION, Sampling(seed, 1.0, 12)) for seed in (0, 1, 2, 0)]
    assert replies[0] == replies[3], f"one seed gave {replies[0]!r} and {replies[3]!r}"
    assert len({reply.text for reply in replies}) > 1, "all seeds gave one reply"
    assert torch.equal(before, torch.get_rng_state()), "the global random state has changed"


def check_threads(model: LanguageModel, same: bool) -> None:
    """Asked from several threads at once it replies as it does to one."""
    with ThreadPoolExecutor(3) as pool:
        replies = list(pool.map(lambda _: model.reply(QUESTION, SHORT), range(3)))
    for reply in replies:
        check_reply(reply, SHORT)
    assert not same or replies == [model.reply(QUESTION, SHORT)] * 3, "replies differ when threads ask for them"


def check_pickled(model: LanguageModel, same: bool) -> None:
    """Pickled and back it is the same."""
    again = pickle.loads(pickle.dumps(model))
    assert (again.name, again.key) == (model.name, model.key), f"{model.key} is {again.key} after pickling"
    reply = again.reply(QUESTION, SHORT)
    assert not same or reply == model.reply(QUESTION, SHORT), "replies are others after pickling"
