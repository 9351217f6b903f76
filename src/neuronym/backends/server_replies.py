"""What a language-model server sent, as a reply or as the error that says what to do about it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from neuronym.backends.language_model import Reply
from neuronym.errors import BusyError, LanguageModelError, UnknownNameError, UserError

_TRANSIENT = (408, 409, 425, 429)
"""Refusals that are no server's fault and pass: time-out, conflict, too early, too many requests."""

_NO_CREDIT = ("insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached")
"""Codes of OpenAI that come as 429 and do not pass."""

_CUT_OFF = ("length", "content_filter")
"""Reasons to finish before the end."""


def read_reply(content: str, address: str, estimate: int) -> Reply:
    """The reply in a chat completion.

    Args:
        content: the body of a successful answer.
        address: the server, for messages.
        estimate: how many tokens the messages are, where the server does not say.

    Raises:
        BusyError: it is no chat completion, or its text is empty although it was not cut off.
    """
    try:
        found = json.loads(content)
        choice = found["choices"][0]
        text, reason = choice["message"]["content"] or "", choice.get("finish_reason")
        # An emoji of which a server sends one half cannot be written to a file.
        stripped: str = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise BusyError(f"The server {address} sent what is no reply: {_words(content)}") from error
    finished = reason not in _CUT_OFF
    if finished and not stripped:
        raise BusyError(f"The server {address} sent an empty reply: {_words(content)}")
    return Reply(
        stripped,
        finished,
        _count(found, "prompt_tokens", estimate),
        _count(found, "completion_tokens", -(-len(text) // 4)),
    )


def read_models(content: str, address: str) -> list[str]:
    """The names of the models in a list of them.

    Raises:
        UnknownNameError: it is no such list.
    """
    try:
        return [str(model["id"]) for model in json.loads(content)["data"]]
    except (ValueError, LookupError, TypeError) as error:
        raise UnknownNameError(f"The server {address} sent what is no list of models: {_words(content)}") from error


def refusal(status: int, content: str, headers: Mapping[str, str], address: str, variable: str) -> UserError:
    """The error for an answer that is no success.

    Args:
        status: of HTTP.
        content: the body, without secrets.
        headers: see :func:`read_wait`.
        address: the server.
        variable: where its key is read from.

    Returns:
        A :class:`BusyError` where asking again may help, an :class:`UnknownNameError` where something does not exist,
        else a :class:`LanguageModelError`.
    """
    words = _words(content)
    if status == HTTPStatus.TOO_MANY_REQUESTS and any(code in content for code in _NO_CREDIT):
        return LanguageModelError(f"The account of {variable} has no credit at {address}: {words} Add some.")
    if status in _TRANSIENT or status >= 500:
        return BusyError(f"The server {address} answered {_status(status)}: {words}", read_wait(headers))
    if status in (401, 403):
        asked = f"Set {variable} to a key that it takes."
        return LanguageModelError(f"The server {address} refuses the key ({_status(status)}): {words} {asked}")
    if status == HTTPStatus.NOT_FOUND:
        return UnknownNameError(f"The server {address} does not have what was asked for ({_status(status)}): {words}")
    return LanguageModelError(
        f"The server {address} refuses the request ({_status(status)}): {words} Choose settings that it takes, or "
        "another model."
    )


def connection_error(error: Exception, address: str, connect: float, read: float) -> LanguageModelError:
    """The error for a request that got no answer.

    Args:
        error: what the package openai raised, with its cause: one of its HTTP library.
        address: the server.
        connect: seconds that a connection may take.
        read: seconds that an answer may take.
    """
    # By name, because versions of the package use different HTTP libraries, whose errors are called the same.
    cause = type(error.__cause__).__name__
    if cause == "ConnectError":
        return LanguageModelError(
            f"The server {address} cannot be reached: {_words(str(error.__cause__))} Check the address and the "
            "network, and that the server runs."
        )
    if cause == "ConnectTimeout":
        return BusyError(f"The server {address} could not be connected to within {connect:g} s.")
    if cause.endswith("Timeout"):
        return BusyError(f"The server {address} sent nothing for {read:g} s.")
    return BusyError(f"The connection to the server {address} was lost: {_words(str(error.__cause__ or error))}")


def read_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, by ``retry-after-ms`` or ``Retry-After`` (RFC 9110, section 10.2.3).

    Args:
        headers: by names in lower case, or in any case if they compare so.

    Returns:
        At least 0; None where the server does not ask, or not so that it can be understood.
    """
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        given = headers.get(name, "").strip()
        try:
            seconds = float(given) * unit
        except ValueError:
            continue
        return max(seconds, 0.0) if math.isfinite(seconds) else None
    try:
        return max(parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None


def _count(found: Mapping[str, Any], name: str, estimate: int) -> int:
    usage = found.get("usage")
    given = usage.get(name) if isinstance(usage, dict) else None
    return given if isinstance(given, int) else estimate


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _words(content: str) -> str:
    """What a server said, as one short sentence."""
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if isinstance(found, dict):
        error = found.get("error", found)
        inner = error.get("message") or error.get("detail") if isinstance(error, dict) else error
        content = inner if isinstance(inner, str) and inner else content
    line = " ".join(content.split())
    if not line:
        return "it said nothing."
    shown = line if len(line) <= 200 else f"{line[:199]}…"
    return shown if shown.endswith((".", "!", "?", "…")) else f"{shown}."
