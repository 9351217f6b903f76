"""Asking about classes: what is kept, asked again and stopped, with models in this process and behind a real server."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from neuronym.backends import language_model
from neuronym.backends.language_model import Reply, Sampling
from neuronym.errors import BusyError, LanguageModelError, UserError
from neuronym.records.vocabulary import PROMPT
from neuronym.vocabulary.budget import FREE, LimitReachedError, Metered, Price
from neuronym.vocabulary.build import Builder, Question
from neuronym.vocabulary.cache import ReplyCache
from neuronym.vocabulary.estimate import Estimate, estimate
from talking_model import REPLIES, Talking

NAMES = ["fox", "owl", "newt"]
QUESTION = Question(sampling=Sampling(seed=5))


def build(
    model: Talking,
    root: Path,
    names: list[str] = NAMES,
    question: Question = QUESTION,
    parallel: int = 1,
    **limits: float,
) -> tuple[list[tuple[str, tuple[str, ...]]], list[list[str]], Metered]:
    metered = Metered(model, Price(1e6, 1e6) if "max_cost" in limits else FREE, **limits)  # type: ignore[arg-type]
    asked = Builder(metered, ReplyCache(root, model), question).ask(names, parallel, lambda done, total: None)
    found = [(one.phrases.name, one.phrases.phrases) for one in asked]
    return found, [[exchange.state for exchange in one.exchanges] for one in asked], metered


def test_replies_become_phrases_and_refusals_do_not(tmp_path: Path) -> None:
    model = Talking()
    found, states, metered = build(model, tmp_path)
    assert found == [
        ("fox", ("red fur", "a bushy tail", "white tip of the fox tail")),
        ("owl", ("round eyes", "hooked beak", "red fur")),
        ("newt", ()),
    ]
    assert states == [["parsed"], ["parsed"], ["unreadable"] * 3]
    assert metered.calls == len(model.asked) == 5
    assert model.asked[0] == (PROMPT.replace("{class}", "fox"), Sampling(5))
    assert [(one.seed, one.temperature) for _, one in model.asked[2:]] == [(5, 0.0), (6, 0.7), (7, 0.7)]


def test_nobody_is_asked_twice(tmp_path: Path) -> None:
    first, second = Talking(), Talking()
    once = build(first, tmp_path)
    assert build(second, tmp_path)[:2] == once[:2]
    assert second.asked == []
    for other in (Talking(key="talking/2"), second):
        question = QUESTION if other is not second else Question(sampling=Sampling(seed=9))
        build(other, tmp_path, ["fox"], question)
        assert len(other.asked) == 1
    kept = next(file for file in (tmp_path / "replies" / "talking-1").iterdir() if "red fur" in file.read_text())
    kept.write_text("{")
    third = Talking()
    build(third, tmp_path)
    assert len(third.asked) == 1


def test_a_reply_that_was_cut_off_is_asked_again(tmp_path: Path) -> None:
    def answer(text: str, sampling: Sampling) -> str | Reply:
        return "- red fur\n- tail" if sampling.seed == 6 else Reply("- red fur\n- ta", False, 9, 4)

    found, states, _ = build(Talking(answer), tmp_path, ["fox"])
    assert (found, states) == ([("fox", ("red fur", "tail"))], [["cut off", "parsed"]])


def test_limits_stop_before_they_are_passed(tmp_path: Path) -> None:
    with pytest.raises(LimitReachedError, match="--max-calls 1 is reached"):
        build(Talking(), tmp_path, max_calls=1)
    again = Talking()
    with pytest.raises(LimitReachedError, match="--max-calls 0 is reached"):
        build(again, tmp_path, max_calls=0)
    assert again.asked == []
    build(again, tmp_path, max_calls=4)  # one is kept from before


@pytest.mark.parametrize("parallel", [1, 4])
def test_the_cost_stays_within_its_limit(tmp_path: Path, parallel: int) -> None:
    names, question = [f"owl {n}" for n in range(12)], Question("{class}", Sampling(max_tokens=20))
    model = Talking(lambda text, sampling: Reply("- red fur\n- tail", True, 2, 8), parallel)
    metered = Metered(model, Price(1e6, 1e6), max_cost=100.0)
    builder = Builder(metered, ReplyCache(tmp_path, model), question)
    with pytest.raises(LimitReachedError, match="could be passed by the next reply"):
        builder.ask(names, parallel, lambda done, total: None)
    # 10 each; a request may be made while 20 of its reply and 16 and a byte each of "owl 10" are left.
    assert metered.cost == 10 * len(model.asked) == 10 * metered.calls
    assert metered.cost <= 100 < metered.cost + 20 + 16 + len("owl 10") + 10
    assert len(builder.missing(names)) == 12 - metered.calls


def test_prices() -> None:
    for price, sent, received in ((Price(0.15, 0.6), 1000, 300), (Price(2, 0), 7, 9)):
        slow = 0.0
        for _ in range(sent):
            slow += price.prompt / 1_000_000
        for _ in range(received):
            slow += price.reply / 1_000_000
        assert price.of(sent, received) == pytest.approx(slow)


def test_several_are_asked_at_once_and_stay_in_order(tmp_path: Path) -> None:
    barrier = threading.Barrier(3, timeout=20)

    def answer(text: str, sampling: Sampling) -> str:
        barrier.wait()
        return f"- {text}\n- tail"

    names = [f"c{n}" for n in range(6)]
    found, _, _ = build(Talking(answer, parallel=3), tmp_path, names, Question("{class}"), parallel=8)
    assert found == [(name, (name, "tail")) for name in names]


def test_an_interruption_keeps_what_was_asked(tmp_path: Path) -> None:
    def answer(text: str, sampling: Sampling) -> str:
        if "owl" in text:
            raise KeyboardInterrupt
        return "- red fur\n- tail"

    with pytest.raises(KeyboardInterrupt):
        build(Talking(answer), tmp_path)
    again = Talking()
    build(again, tmp_path)
    assert not any("fox" in text for text, _ in again.asked)


def test_it_says_what_is_waited_for(tmp_path: Path) -> None:
    asked, stopped, notes = threading.Event(), threading.Event(), []

    def answer(text: str, sampling: Sampling) -> str | Exception:
        if "owl" in text:
            assert asked.wait(20)
            return LanguageModelError("There is no such model.")
        asked.set()
        assert stopped.wait(20)
        return "- red fur\n- tail"

    def note(text: str) -> None:
        notes.append(text)
        stopped.set()

    model = Talking(answer, parallel=2)
    builder = Builder(Metered(model), ReplyCache(tmp_path, model), QUESTION, note)
    with pytest.raises(LanguageModelError, match="There is no such model"):
        builder.ask(["fox", "owl"], 2, lambda done, total: None)
    assert notes == ["Stopping: 1 of the requests are on their way, and their replies are waited for and kept."]
    assert builder.missing(["fox", "owl"]) == ["owl"]


def test_a_model_that_fails_ends_the_build(tmp_path: Path) -> None:
    def answer(text: str, sampling: Sampling) -> str | Exception:
        return LanguageModelError("There is no such model.") if "owl" in text else "- red fur\n- tail"

    with pytest.raises(LanguageModelError, match="There is no such model"):
        build(Talking(answer), tmp_path)
    assert Builder(Metered(Talking()), ReplyCache(tmp_path, Talking()), QUESTION).missing(NAMES) == ["owl", "newt"]


def test_a_busy_model_is_asked_again_and_every_request_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "pause", lambda attempt, wait: 0.0)
    replies = iter([BusyError("The server is busy."), "- red fur\n- tail"])
    model, notes = Talking(lambda text, sampling: next(replies)), []
    metered = Metered(model)
    builder = Builder(metered, ReplyCache(tmp_path, model), QUESTION, notes.append)
    assert builder.ask(["fox"], 1, lambda done, total: None)[0].phrases.phrases == ("red fur", "tail")
    assert metered.calls == 2
    assert notes == ["The server is busy. Asking again in 0 s, attempt 2 of 5."]


def test_an_estimate_counts_what_is_not_kept(tmp_path: Path) -> None:
    model = Talking()
    cache, words = ReplyCache(tmp_path, model), len(PROMPT.split())
    guess = estimate(NAMES, QUESTION, Metered(model), cache, None)
    assert guess == Estimate(0, 3, 9, 3 * words, 360, 0, None)
    build(model, tmp_path, ["fox"])
    length = len(REPLIES["fox"].split())
    found = estimate(NAMES, QUESTION, Metered(model), cache, Price(1, 2))
    assert found == Estimate(1, 2, 6, 2 * words, 2 * length, 1, pytest.approx((2 * words + 4 * length) / 1e6))
    assert len(model.asked) == 1


def test_a_prompt_asks_about_a_class() -> None:
    assert Question("Tell me of {class}.").about("Great_White") == "Tell me of Great White."
    with pytest.raises(UserError) as refused:
        Question("Tell me.")
    assert str(refused.value) == "The prompt 'Tell me.' asks about no class. Write {class} where its name stands."


def test_a_server_that_misbehaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai")
    import torch

    from backends.chat_server import ChatServer, cuts, refuses, says, sends
    from neuronym import plugins

    monkeypatch.setattr(language_model, "pause", lambda attempt, wait: 0.0)
    with ChatServer(answer=lambda request: "1. red fur\n2. tail") as server:
        server.next(
            refuses(429, "slow down"),
            sends('{"choi'),
            refuses(500, "oh"),
            cuts,
            says("1. red", "length"),
            says("I know."),
        )
        model = plugins.language_model(server.address, torch.device("cpu"))
        metered = Metered(model, max_calls=8)
        asked = Builder(metered, ReplyCache(tmp_path, model), Question()).ask(["fox", "owl"], 1, lambda *_: None)
        assert [one.phrases.phrases for one in asked] == [("red fur", "tail")] * 2
        assert [exchange.state for exchange in asked[0].exchanges] == ["cut off", "unreadable", "parsed"]
        assert [chat["messages"][0]["content"] for chat in server.chats[-2:]] == [
            PROMPT.replace("{class}", name) for name in ("fox", "owl")
        ]
        assert metered.calls == len(server.chats) == 8
