"""Language models behind a real HTTP server in this process, which misbehaves as it is told."""

from __future__ import annotations

import pickle
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backends.chat_server import Behaviour, ChatServer, cuts, drops, refuses, says, sends, slow
from conformance.language_model_suite import check_language_model
from neuronym import plugins
from neuronym.backends import LanguageModel, Message, Reply, Sampling, with_retries
from neuronym.backends.openai_server import OPENAI, ServerModel
from neuronym.backends.server_replies import read_wait
from neuronym.errors import BusyError, LanguageModelError, UnknownNameError

CPU = torch.device("cpu")
ASKED = [Message("system", "be short"), Message("user", "what is a zebra ?")]
SECRET = "sk-very-secret-0123456789"
FOR_OPENAI = ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "OPENAI_BASE_URL")


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*FOR_OPENAI, "OPENAI_CUSTOM_HEADERS", "NEURONYM_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


def model_of(server: ChatServer) -> LanguageModel:
    return plugins.language_model(server.address, CPU)


def whole(text: str) -> str:
    return f"^{re.escape(text)}$"


def test_conforms(server: ChatServer) -> None:
    check_language_model(model_of(server), same=False)


def test_one_exchange(server: ChatServer) -> None:
    model = model_of(server)
    server.next(says("  - black stripes\n- a mane\n"))
    assert model.reply(ASKED, Sampling(4, 0.5, 99)) == Reply("- black stripes\n- a mane", True, 21, 7)
    assert server.chats == [
        {
            "model": "tiny",
            "messages": [
                {"role": "system", "content": "be short"},
                {"role": "user", "content": "what is a zebra ?"},
            ],
            "temperature": 0.5,
            "seed": 4,
            "max_tokens": 99,
        }
    ]


def test_tokens_are_estimated_where_the_server_does_not_count_them(server: ChatServer) -> None:
    model = model_of(server)
    expected = 4
    for message in ASKED:
        expected += 4
        for at, _ in enumerate(message.text):
            expected += at % 4 == 0
    assert model.count_tokens(ASKED) == expected
    server.next(says("- a red dot", usage=False))
    assert model.reply(ASKED, Sampling()) == Reply("- a red dot", True, expected, 3)


def test_half_an_emoji_does_not_keep_a_reply_from_being_written(server: ChatServer) -> None:
    server.next(says("- red \ud83d fur 🦊"))
    assert model_of(server).reply(ASKED, Sampling()).text == "- red \ufffd fur 🦊"


@pytest.mark.parametrize("text", ["- cut o", "", None])
def test_a_reply_that_was_cut_off_says_so(server: ChatServer, text: str | None) -> None:
    server.next(says(text, "length"))
    assert model_of(server).reply(ASKED, Sampling()) == Reply(text or "", False, 21, 7)


@pytest.mark.parametrize(
    ("behaviour", "said", "wait"),
    [
        (refuses(429, "slow down", {"Retry-After": "3"}), "answered 429 Too Many Requests: slow down.", 3.0),
        (refuses(429, "slow down", {"retry-after-ms": "250"}), "answered 429 Too Many Requests: slow down.", 0.25),
        (refuses(408, "late"), "answered 408 Request Timeout: late.", None),
        (refuses(500, "boom!"), "answered 500 Internal Server Error: boom!", None),
        (sends("<h1>\n Bad</h1>", 502), "answered 502 Bad Gateway: <h1> Bad</h1>.", None),
        (sends("", 503), "answered 503 Service Unavailable: it said nothing.", None),
        (sends({"detail": "odd"}, 599), "answered 599: odd.", None),
        (sends('{"choi'), 'sent what is no reply: {"choi.', None),
        (sends(""), "sent what is no reply: it said nothing.", None),
        (sends("null"), "sent what is no reply: null.", None),
        (sends({"choices": []}), 'sent what is no reply: {"choices": []}.', None),
        (sends({"choices": [{"message": {"content": 3}}]}), "sent what is no reply: {\"choices\": [{\"message\": "
         "{\"content\": 3}}]}.", None),
        (sends({"error": {"message": "overloaded"}}), "sent what is no reply: overloaded.", None),
        (sends("x" * 500), f"sent what is no reply: {'x' * 199}…", None),
        (sends({"choices": [{"message": {"content": " "}}]}), "sent an empty reply: {\"choices\": [{\"message\": "
         "{\"content\": \" \"}}]}.", None),
    ],
)  # fmt: skip
def test_what_may_pass(server: ChatServer, behaviour: Behaviour, said: str, wait: float | None) -> None:
    server.next(behaviour)
    with pytest.raises(BusyError, match=whole(f"The server {server.address} {said}")) as raised:
        model_of(server).reply(ASKED, Sampling())
    assert raised.value.wait == wait
    assert len(server.chats) == 1  # asking again is for who calls


@pytest.mark.parametrize("behaviour", [drops, cuts])
def test_a_lost_connection(server: ChatServer, behaviour: Behaviour) -> None:
    server.next(behaviour)
    with pytest.raises(BusyError, match=rf"^The connection to the server {server.address} was lost: .*\.$"):
        model_of(server).reply(ASKED, Sampling())
    assert len(server.chats) == 1


def test_a_slow_server(server: ChatServer) -> None:
    server.next(slow(5))
    model = ServerModel("x", server.address, "tiny", read=0.1)
    with pytest.raises(BusyError, match=whole(f"The server {server.address} sent nothing for 0.1 s.")):
        model.reply(ASKED, Sampling())


def test_asked_again_it_replies_in_the_end(server: ChatServer) -> None:
    server.next(refuses(429, "slow down", {"Retry-After": "30"}), drops, sends("{"))
    waited: list[float] = []
    found = with_retries(model_of(server), ASKED, Sampling(), sleep=waited.append)
    assert (found.text, waited) == ("- a red dot", [30.0, 2.0, 4.0])
    server.next(*[refuses(429, "slow down")] * 2)
    text = (
        f"The server {server.address} answered 429 Too Many Requests: slow down. It was asked 2 times; wait, and run "
        "the same command again: what is done is kept."
    )
    with pytest.raises(LanguageModelError, match=whole(text)):
        with_retries(model_of(server), ASKED, Sampling(), 2, sleep=waited.append)


def test_what_does_not_pass(server: ChatServer) -> None:
    model = model_of(server)
    server.next(refuses(400, "no temperature"), refuses(429, "pay first.", code="insufficient_quota"))
    text = (
        f"The server {server.address} refuses the request (400 Bad Request): no temperature. Choose settings that it "
        "takes, or another model."
    )
    with pytest.raises(LanguageModelError, match=whole(text)) as raised:
        model.reply(ASKED, Sampling())
    assert not isinstance(raised.value, BusyError)
    text = f"The account of NEURONYM_API_KEY has no credit at {server.address}: pay first. Add some."
    with pytest.raises(LanguageModelError, match=whole(text)) as raised:
        model.reply(ASKED, Sampling())
    assert not isinstance(raised.value, BusyError)


def test_which_model(server: ChatServer) -> None:
    server.models = ["tiny", "owner/large"]
    text = (
        f"The server {server.address} lists 2 models: tiny, owner/large. Name one behind a #, as in "
        f"{server.address}#tiny."
    )
    with pytest.raises(LanguageModelError, match=whole(text)):
        model_of(server)
    made = plugins.language_model(f"{server.address}/#owner/large", CPU)
    made.reply(ASKED, Sampling())
    assert server.chats[-1]["model"] == "owner/large"
    said = f"The server {server.address} does not have what was asked for (404 Not Found): no model larg."
    missing = plugins.language_model(f"{server.address}#larg", CPU)
    with pytest.raises(LanguageModelError, match=whole(f"{said} It has owner/large and others.")):
        missing.reply(ASKED, Sampling())
    server.models = []
    with pytest.raises(LanguageModelError, match=r" lists no models. Name one behind a #, as in http:\S+#NAME\.$"):
        model_of(server)


def test_a_wrong_path(server: ChatServer) -> None:
    address = server.address.removesuffix("/v1")
    text = (
        f"The server {address} does not list its models. Check the address, which usually ends in /v1, or name the "
        f"model behind a #, as in {address}#NAME."
    )
    with pytest.raises(LanguageModelError, match=whole(text)):
        plugins.language_model(address, CPU)
    text = (
        f"The server {address} does not have what was asked for (404 Not Found): no such page. Check the address, "
        "which usually ends in /v1, and the name of the model."
    )
    with pytest.raises(LanguageModelError, match=whole(text)):
        plugins.language_model(f"{address}#tiny", CPU).reply(ASKED, Sampling())


def test_no_server() -> None:
    with ChatServer() as gone:
        address = gone.address
    text = rf"^The server {address} cannot be reached: .*refused\. Check the address and the network, and that the ser"
    for name in (address, f"{address}#tiny"):
        with pytest.raises(LanguageModelError, match=text) as raised:
            plugins.language_model(name, CPU).reply(ASKED, Sampling())
        assert not isinstance(raised.value, BusyError)


@pytest.mark.parametrize("name", ["http:x", "https://", "http://:80/v1", "http://a:b/v1", "http://a:1:2", "http://[a"])
def test_what_is_no_address(name: str) -> None:
    text = f"{name!r} is no address of a server. Write one like http://localhost:8000/v1."
    with pytest.raises(LanguageModelError, match=whole(text)):
        plugins.language_model(name, CPU)


@pytest.mark.parametrize("name", [f"https://me:{SECRET}@host/v1", f"http://host/v1?key={SECRET}", f"http://{SECRET}@"])
def test_secrets_in_an_address_are_refused_and_not_repeated(name: str) -> None:
    text = (
        "The address of the server holds a user, a password or a query, and would be written down with them. Leave "
        "them out, and set NEURONYM_API_KEY to the key that the server wants."
    )
    with pytest.raises(LanguageModelError, match=whole(text)):
        plugins.language_model(name, CPU)


def test_what_is_meant_for_openai_is_sent_to_no_other(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FOR_OPENAI:
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Mine: {SECRET}\nAuthorization: Bearer {SECRET}")
    model_of(server).reply(ASKED, Sampling())
    assert len(server.seen) == 2  # the list of models, and the chat
    for one in server.seen:
        assert not any(SECRET in value for value in one.headers.values())
        assert one.headers["authorization"] == "Bearer none"


def test_a_key_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer(key=SECRET) as server:
        wants = rf"^The server {server.address} refuses the key \(401 Unauthorized\): wrong key"
        with pytest.raises(LanguageModelError, match=rf"{wants}\. Set NEURONYM_API_KEY to a key that it takes\.$"):
            model_of(server)
        without = ServerModel("x", server.address, "tiny")
        monkeypatch.setenv("NEURONYM_API_KEY", f" {SECRET}\n")
        model = model_of(server)
        assert model.reply(ASKED, Sampling()).text == "- a red dot"
        assert model.key == without.key
        assert SECRET.encode() not in pickle.dumps(model)
        assert SECRET not in f"{model!r} {model.key} {model.name}"
        assert pickle.loads(pickle.dumps(model)).reply(ASKED, Sampling()).finished
        server.next(sends(f"you sent {SECRET}", 500))
        with pytest.raises(BusyError, match=r"you sent \*\*\*\.$"):
            model.reply(ASKED, Sampling())
        monkeypatch.setenv("NEURONYM_API_KEY", "sk-of-another")
        with pytest.raises(LanguageModelError, match=rf"{wants}: Bearer \*\*\*\. Set NEURONYM_API_KEY"):
            ServerModel("x", server.address, "tiny").reply(ASKED, Sampling())


@pytest.mark.parametrize("key", ["two words", "sk-ключ", "line\nbreak"])
def test_what_cannot_be_a_key(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    text = "The variable OPENAI_API_KEY holds what cannot be a key. Copy the key into it again."
    with pytest.raises(LanguageModelError, match=whole(text)):
        plugins.language_model("openai:x", CPU)


def test_models_of_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "openai:some-model needs a key of OpenAI, and the variable OPENAI_API_KEY is not set. Set it, or choose a "
        "model that needs none: hf:NAME, or http://HOST:PORT/v1."
    )
    with pytest.raises(LanguageModelError, match=whole(text)):
        plugins.language_model("openai:some-model", CPU)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    made = plugins.language_model("openai:some-model", CPU)
    assert isinstance(made, ServerModel)
    assert (made.name, made.model, made.address) == ("openai:some-model", "some-model", OPENAI)
    assert str(made._client.base_url) == f"{OPENAI}/"
    assert made.key != ServerModel("x", "http://127.0.0.1/v1", "some-model").key
    text = "'openai:' names no model. Write it behind the colon, as in openai:gpt-4o-mini."
    with pytest.raises(LanguageModelError, match=whole(text)):
        plugins.language_model("openai:", CPU)


def test_openai_is_asked_with_its_key_and_its_own_limit(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # The address of OpenAI is that of the test's server here; all else is as it is there.
    monkeypatch.setattr("neuronym.backends.openai_server.OPENAI", server.address)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    plugins.language_model("openai:tiny", CPU).reply(ASKED, Sampling(max_tokens=9))
    assert server.seen[-1].headers["authorization"] == f"Bearer {SECRET}"
    assert server.seen[-1].headers["openai-organization"] == "org-mine"
    assert server.chats[-1]["max_completion_tokens"] == 9
    assert "max_tokens" not in server.chats[-1]


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    text = (
        r"^The language model 'http://host/v1#x' needs the package openai, which cannot be imported \(.*\)\. Install "
        r"it by `pip install 'neuronym\[llm\]'`\.$"
    )
    with pytest.raises(LanguageModelError, match=text):
        plugins.language_model("http://host/v1#x", CPU)


def test_several_threads_are_answered_at_once(server: ChatServer) -> None:
    model = model_of(server)
    server.next(*[slow(0.2)] * model.parallel)
    with ThreadPoolExecutor(model.parallel) as pool:
        replies = list(pool.map(lambda _: model.reply(ASKED, Sampling()), range(model.parallel)))
    assert [reply.text for reply in replies] == ["- late"] * model.parallel
    assert server.most_at_once > 1


@given(st.floats(0, 1e6))
def test_waits_in_seconds(seconds: float) -> None:
    assert read_wait({"retry-after": f" {seconds} "}) == seconds
    assert read_wait({"retry-after-ms": str(seconds), "retry-after": "7"}) == pytest.approx(seconds / 1000)


@pytest.mark.parametrize("given_", ["", "soon", "nan", "inf", "Mon, 99 Foo"])
def test_waits_that_cannot_be_understood(given_: str) -> None:
    assert read_wait({"retry-after": given_}) is None
    assert read_wait({}) is None


def test_waits_until_a_date() -> None:
    assert read_wait({"retry-after": "-3"}) == 0
    assert read_wait({"retry-after": formatdate(0, usegmt=True)}) == 0
    assert read_wait({"retry-after": formatdate(time.time() + 60, usegmt=True)}) == pytest.approx(60, abs=3)


def test_the_grammar_of_names() -> None:
    text = (
        "The language model 'nothing' has no prefix and is no folder. Write it as one of hf:NAME, http:NAME, "
        "https:NAME, openai:NAME, package.module:callable, or owner/name on Hugging Face; for example http://localhost:8000/v1."
    )
    with pytest.raises(UnknownNameError, match=whole(text)):
        plugins.language_model("nothing", CPU)
