"""Language models behind a server that speaks OpenAI's chat interface, by the package ``openai``.

- ``openai:NAME`` is a model of api.openai.com; the key is read from the variable ``OPENAI_API_KEY``.
- ``http://HOST:PORT/v1#NAME``, or with https, is one of any other server that speaks it, as vLLM, llama.cpp and Ollama
  do; without ``#NAME`` it is the only one that the server lists. If the server wants a key, it is read from
  ``NEURONYM_API_KEY``; what is meant for OpenAI is never sent there.

No key is kept in an object, a pickle, a message or a cache key.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from neuronym.backends.language_model import Message, Reply, Sampling
from neuronym.backends.server_replies import connection_error, read_models, read_reply, refusal
from neuronym.errors import LanguageModelError, UnknownNameError, nearest
from neuronym.records import digest

if TYPE_CHECKING:
    import torch

OPENAI = "https://api.openai.com/v1"
_OPENAI_KEY, _OTHER_KEY = "OPENAI_API_KEY", "NEURONYM_API_KEY"
_NO_KEY = "none"
"""What a server that wants no key is sent, because the package does not send requests without one."""


class ServerModel:
    """A model of a server as a :class:`~neuronym.backends.language_model.LanguageModel`.

    Attributes:
        address: where the server is; the paths of the interface follow it.
        model: what the server calls the model.
    """

    def __init__(
        self, name: str, address: str, model: str, connect: float = 10.0, read: float = 300.0, parallel: int = 8
    ) -> None:
        """Without asking the server anything.

        Args:
            name: how the user wrote it.
            address: see above; OpenAI's own gets OpenAI's key.
            model: likewise.
            connect: seconds until a server that cannot be connected to counts as busy.
            read: seconds until one that sends nothing does.
            parallel: how many requests it gets at once.
        """
        self.name, self.address, self.model, self.parallel = name, address, model, parallel
        self.key = digest({"server": address, "model": model})
        self._timeouts = (connect, read)
        self._client = _client(name, address, self._timeouts)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """An estimate: 4 characters are a token, and every message and the reply take 4 tokens beside their text."""
        return 4 + sum(4 + -(-len(message.text) // 4) for message in messages)

    def reply(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """The answer of the server, asked once."""
        # Newer models of OpenAI know the second name only, most other servers the first one only.
        limit = "max_completion_tokens" if self.address == OPENAI else "max_tokens"
        settings = {"temperature": sampling.temperature, "seed": sampling.seed, limit: sampling.max_tokens}
        turns = [{"role": message.role, "content": message.text} for message in messages]
        try:
            content = self._asked(
                lambda client: client.chat.completions.with_raw_response.create(
                    model=self.model, messages=turns, **settings
                )
            )
        except UnknownNameError as error:
            raise LanguageModelError(f"{error} {self._known()}") from error
        return read_reply(content, self.address, self.count_tokens(messages))

    def models(self) -> list[str]:
        """The names of the models that the server lists."""
        return read_models(self._asked(lambda client: client.models.with_raw_response.list()), self.address)

    def _known(self) -> str:
        """A sentence about the models that there are, for the error that this one is not among them."""
        try:
            known = self.models()
        except (UnknownNameError, LanguageModelError):
            known = []
        shown = nearest(self.model, known) or known[:8]
        if not shown:
            return "Check the address, which usually ends in /v1, and the name of the model."
        return f"It has {', '.join(shown)}{'' if len(shown) == len(known) else ' and others'}."

    def _asked(self, request: Callable[[Any], Any]) -> str:
        import openai

        try:
            text: str = request(self._client).http_response.text
        except openai.APIStatusError as error:
            answer = error.response
            content = self._without_key(answer.text)
            variable = _variable(self.address)
            raise refusal(answer.status_code, content, answer.headers, self.address, variable) from error
        except openai.APIConnectionError as error:
            raise connection_error(error, self.address, *self._timeouts) from error
        return self._without_key(text)

    def _without_key(self, text: str) -> str:
        """What a server sent, without the key, which some repeat where they refuse it."""
        key = os.environ.get(_variable(self.address), "").strip()
        return text.replace(key, "***") if key else text

    def __repr__(self) -> str:
        return f"ServerModel({self.name!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Without the client: it has connections, locks and the key."""
        return {name: value for name, value in self.__dict__.items() if name != "_client"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._client = _client(self.name, self.address, self._timeouts)


def load_openai(name: str, device: torch.device) -> ServerModel:
    """The model of OpenAI that is called ``name``.

    Raises:
        LanguageModelError: there is no key, the package is missing, or no model is named.
    """
    if not name.strip():
        raise LanguageModelError("'openai:' names no model. Write it behind the colon, as in openai:gpt-4o-mini.")
    return ServerModel(f"openai:{name}", OPENAI, name)


def load_http(name: str, device: torch.device) -> ServerModel:
    """The model at ``http:`` and ``name``; see :func:`load_https`."""
    return _load(f"http:{name}")


def load_https(name: str, device: torch.device) -> ServerModel:
    """The model at ``https:`` and ``name``, which is ``//HOST:PORT/v1``, with ``#MODEL`` if the server has several.

    Raises:
        LanguageModelError: it is no such address, the package is missing, or which model is meant cannot be found out.
    """
    return _load(f"https:{name}")


def _load(name: str) -> ServerModel:
    parts = _checked(name)
    address = f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
    server = ServerModel(name, address, parts.fragment)
    return server if server.model else ServerModel(name, address, _only_model(server))


def _only_model(server: ServerModel) -> str:
    try:
        known = server.models()
    except UnknownNameError as error:
        raise LanguageModelError(
            f"The server {server.address} does not list its models. Check the address, which usually ends in /v1, or "
            f"name the model behind a #, as in {server.address}#NAME."
        ) from error
    if len(known) != 1:
        listed = f"lists {len(known)} models: {', '.join(known[:20])}" if known else "lists no models"
        raise LanguageModelError(
            f"The server {server.address} {listed}. Name one behind a #, as in "
            f"{server.address}#{known[0] if known else 'NAME'}."
        )
    return known[0]


def _checked(name: str) -> SplitResult:
    """The parts of an address.

    Raises:
        LanguageModelError: it has no host or a port that is none, or holds what may be secret.
    """
    if "@" in name.partition("#")[0] or "?" in name:
        # It is not repeated: names stand in studies, logs and caches.
        raise LanguageModelError(
            "The address of the server holds a user, a password or a query, and would be written down with them. Leave "
            f"them out, and set {_OTHER_KEY} to the key that the server wants."
        )
    try:
        parts = urlsplit(name)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise LanguageModelError(f"{name!r} is no address of a server. Write one like http://localhost:8000/v1.")
    return parts


def _variable(address: str) -> str:
    return _OPENAI_KEY if address == OPENAI else _OTHER_KEY


def _api_key(name: str, address: str) -> str:
    variable = _variable(address)
    key = os.environ.get(variable, "").strip()
    if not key and address == OPENAI:
        raise LanguageModelError(
            f"{name} needs a key of OpenAI, and the variable {variable} is not set. Set it, or choose a model that "
            "needs none: hf:NAME, or http://HOST:PORT/v1."
        )
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise LanguageModelError(f"The variable {variable} holds what cannot be a key. Copy the key into it again.")
    return key or _NO_KEY


def _client(name: str, address: str, timeouts: tuple[float, float]) -> Any:
    try:
        import openai
    except ImportError as error:
        raise LanguageModelError(
            f"The language model {name!r} needs the package openai, which cannot be imported ({error}). Install it by "
            "`pip install 'neuronym[llm]'`."
        ) from error
    connect, read = timeouts
    client = openai.OpenAI(
        api_key=_api_key(name, address),
        base_url=address,
        max_retries=0,
        timeout=openai.Timeout(connect=connect, read=read, write=read, pool=None),
    )
    if address != OPENAI:
        # The package takes these from variables that are set for OpenAI, whatever server it is to talk to.
        client.organization = client.project = None
        client._custom_headers = {}
    return client
