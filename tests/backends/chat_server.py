"""A real HTTP server of OpenAI's chat interface in the test's process, which can be told to misbehave.

    with ChatServer(answer=lambda request: "- red fur") as server:
        server.next(refuses(429, "slow down", {"Retry-After": "3"}), drops)
        model = plugins.language_model(server.address, CPU)

The behaviours given to ``next`` are used one a request for a chat, in order; after them ``answer`` replies.
"""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

Request: TypeAlias = dict[str, Any]
"""The JSON of a request for a chat."""


@dataclass(frozen=True)
class Seen:
    """One request that came, with its headers by names in lower case; ``body`` is empty for GET."""

    path: str
    headers: Mapping[str, str]
    body: Request


class ChatServer:
    """Serves from ``with`` on, at a port of its own.

    Args:
        answer: the text of a reply to a request.
        models: the names of the models that it has; requests for others get 404.
        key: if given, requests with another key get 401.

    Attributes:
        seen: all requests, in the order they came.
        most_at_once: how many chats were being answered at one time, at most.
    """

    def __init__(
        self,
        answer: Callable[[Request], str] = lambda request: "- a red dot",
        models: Sequence[str] = ("tiny",),
        key: str | None = None,
    ) -> None:
        self.answer, self.models, self.key = answer, list(models), key
        self.seen: list[Seen] = []
        self.most_at_once = 0
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self._at_once = 0
        self._script: deque[Behaviour] = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.chats = self  # type: ignore[attr-defined]
        self._server.daemon_threads = False  # so that closing waits for every request
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def address(self) -> str:
        """What ``--llm`` takes, but for the name of the model."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def chats(self) -> list[Request]:
        """The requests for a chat that came."""
        return [one.body for one in self.seen if one.body]

    def next(self, *behaviours: Behaviour) -> None:
        """Has the next requests for a chat treated so."""
        self._script.extend(behaviours)

    def behaviour(self, request: Request) -> Behaviour:
        """How a request is to be treated."""
        with self.lock:
            return self._script.popleft() if self._script else says(self.answer(request))

    def counted(self, more: int) -> None:
        """Notes that a chat begins or ends."""
        with self.lock:
            self._at_once += more
            self.most_at_once = max(self.most_at_once, self._at_once)

    def __enter__(self) -> ChatServer:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Any

    def do_GET(self) -> None:
        chats = self._note({})
        if chats.key is not None and self.headers["Authorization"] != f"Bearer {chats.key}":
            send(self, 401, _error("wrong key"))
        elif self.path == "/v1/models":
            send(self, 200, {"object": "list", "data": [{"id": name, "object": "model"} for name in chats.models]})
        else:
            send(self, 404, _error("no such page"))

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        chats = self._note(request)
        chats.counted(1)
        try:
            self._treat(chats, request)
        finally:
            chats.counted(-1)

    def _treat(self, chats: ChatServer, request: Request) -> None:
        if self.path != "/v1/chat/completions":
            send(self, 404, _error("no such page"))
        elif chats.key is not None and self.headers["Authorization"] != f"Bearer {chats.key}":
            send(self, 401, _error(f"wrong key: {self.headers['Authorization']}"))
        elif request["model"] not in chats.models:
            send(self, 404, _error(f"no model {request['model']}"))
        else:
            chats.behaviour(request)(self, request)

    def _note(self, body: Request) -> ChatServer:
        chats: ChatServer = self.server.chats
        with chats.lock:
            chats.seen.append(Seen(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        return chats

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the output belongs to the tests."""


Behaviour: TypeAlias = Callable[[_Handler, Request], None]
"""What is done with one request for a chat."""


def says(text: str | None, finish: str = "stop", usage: bool = True) -> Behaviour:
    """Replies with a text; with ``finish="length"`` it was cut off."""

    def treat(handler: _Handler, request: Request) -> None:
        message = {"role": "assistant", "content": text}
        body: dict[str, Any] = {
            "id": "chat-1",
            "object": "chat.completion",
            "created": 0,
            "model": request["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        }
        if usage:
            body["usage"] = {"prompt_tokens": 21, "completion_tokens": 7, "total_tokens": 28}
        send(handler, 200, body)

    return treat


def refuses(status: int, words: str, headers: Mapping[str, str] | None = None, code: str | None = None) -> Behaviour:
    """Answers with an error, such as 429 with ``Retry-After``."""
    return lambda handler, request: send(handler, status, _error(words, code), headers)


def sends(body: object, status: int = 200) -> Behaviour:
    """Sends anything: text as it is, else as JSON; ``sends('{"choi')`` is broken JSON."""
    return lambda handler, request: send(handler, status, body)


def slow(seconds: float) -> Behaviour:
    """Waits before it replies, or until the server closes."""

    def treat(handler: _Handler, request: Request) -> None:
        handler.server.chats.closing.wait(seconds)
        says("- late")(handler, request)

    return treat


def drops(handler: _Handler, request: Request) -> None:
    """Closes the connection without a word."""
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def cuts(handler: _Handler, request: Request) -> None:
    """Closes the connection in the middle of its answer."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')


def send(handler: _Handler, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
    """Sends one answer."""
    content = (body if isinstance(body, str) else json.dumps(body)).encode()
    try:
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
    except ConnectionError:  # who asked did not wait
        handler.close_connection = True


def _error(words: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": words, "type": "error", "param": None, "code": code}}
