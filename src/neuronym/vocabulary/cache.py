"""Replies on disk, written as they arrive: a build that was interrupted goes on, and one repeated asks nobody."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

from neuronym.backends.language_model import LanguageModel, Reply, Sampling
from neuronym.records import digest
from neuronym.store.atomic import guarded, replacing


class ReplyCache:
    """The replies of one language model, a small file each, addressed by all that decides them.

    Args:
        root: the folder of all caches.
        model: whose replies.
    """

    def __init__(self, root: Path, model: LanguageModel) -> None:
        self._key = model.key
        self._folder = root / "replies" / quote(model.key, safe="")

    def read(self, name: str, prompt: str, sampling: Sampling) -> Reply | None:
        """The reply about a class, or None where it is not there; a damaged file is as good as none."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            content = json.loads(self._place(name, prompt, sampling).read_bytes())
            reply = Reply(**content["reply"])
            if isinstance(reply.text, str):
                return reply
        return None

    def write(self, name: str, prompt: str, sampling: Sampling, reply: Reply) -> None:
        """Keep a reply.

        Raises:
            StudyError: the disk is full or the cache cannot be written.
        """
        content = {"class": name, "prompt": prompt, "sampling": asdict(sampling), "reply": asdict(reply)}
        path = self._place(name, prompt, sampling)
        with guarded(path, "keep a reply"), replacing(path, sync=False) as file:
            file.write(json.dumps(content, ensure_ascii=False, indent=1).encode())

    def _place(self, name: str, prompt: str, sampling: Sampling) -> Path:
        return self._folder / f"{digest([name, prompt, self._key, asdict(sampling)], 32)}.json"
