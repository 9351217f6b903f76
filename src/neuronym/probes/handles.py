"""A lazily opened thing that survives pickling and forking by being opened again."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Handle(Generic[T]):
    """What ``make`` returns, made at the first call of :meth:`get`, once for all threads.

    Pickling drops it. So does forking, unless ``inherit``: an open file's position would be shared with the parent,
    memory would not.
    """

    def __init__(self, make: Callable[[], T], *, inherit: bool) -> None:
        self._make = make
        self._inherit = inherit
        self._clear()

    def _clear(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._value: T | None = None

    def get(self) -> T:
        """The thing itself."""
        if self._pid != os.getpid():
            self._after_fork()
        value = self._value
        if value is None:
            with self._lock:
                value = self._value
                if value is None:
                    value = self._value = self._make()
        return value

    def _after_fork(self) -> None:
        """The parent's lock may have been held by a thread that does not exist here."""
        value = self._value
        self._clear()
        if self._inherit:
            self._value = value

    def __getstate__(self) -> dict[str, Any]:
        return {"make": self._make, "inherit": self._inherit}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._make, self._inherit = state["make"], state["inherit"]
        self._clear()
