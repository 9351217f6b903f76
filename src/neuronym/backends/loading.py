"""What backends from Hugging Face share: where a name leads, what can go wrong on the way, and what must be there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neuronym.errors import UnknownNameError, UserError

_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")


def source_of(name: str, holds: str) -> str:
    """What a loader is given for ``name``: the path of a local folder, or the hub id that it is.

    Args:
        name: as the user wrote it; ``~`` stands for the home folder.
        holds: what such a folder holds, for example ``"a model and its processor as save_pretrained writes them"``.

    Raises:
        UnknownNameError: it is neither.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return str(folder)
    if not _HUB_ID.fullmatch(name):
        raise UnknownNameError(
            f"There is no folder {name!r}, and it is no hub id of the form owner/model either. "
            f"Give a folder with {holds}, or a hub id."
        )
    return name


@contextmanager
def refusals(source: str, kind: str, holds: str, remedy: str) -> Iterator[None]:
    """Turns what is raised for a model that cannot be loaded into errors of ours.

    Args:
        source: the folder or hub id.
        kind: what the folder should have been, for example ``"a Hugging Face model"``.
        holds: see :func:`source_of`.
        remedy: a sentence for models of the hub that are of another kind.
    """
    from safetensors import SafetensorError

    try:
        yield
    except ImportError as error:
        reason = _first_line(error).split(". ")[0].rstrip(".")
        raise UserError(
            f"The model {source!r} needs a package that is not installed: {reason}. "
            "Install it, for example with `pip install sentencepiece protobuf` for a SentencePiece tokenizer."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        if Path(source).is_dir():
            raise UserError(
                f"The folder {source!r} cannot be read as {kind}: {_first_line(error)} It has to hold {holds}."
            ) from error
        if isinstance(error, OSError):
            raise UnknownNameError(
                f"The model {source!r} is no local folder, is not in the cache, and could not be fetched from the hub: "
                f"{_first_line(error)} Check the spelling and the network, or give a local folder in the same format."
            ) from error
        raise UserError(f"The model {source!r} cannot be used: {_first_line(error)} {remedy}") from error


@contextmanager
def quietly() -> Iterator[None]:
    """A block in which transformers draws no progress bars and prints no reports; errors are raised all the same."""
    from transformers.utils import logging

    bars, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def check_complete(source: str, missing: Iterable[str], remedy: str) -> None:
    """Raise where weights are missing, which transformers fills with random numbers and goes on.

    Raises:
        UserError: some are; ``remedy`` closes the message.
    """
    names = sorted(missing)
    if names:
        raise UserError(
            f"The weights of {source!r} are incomplete: {len(names)} tensors are missing, the first is {names[0]}. "
            f"{remedy}"
        )


def check_vocabulary(source: str, tokenizer: Any) -> None:
    """Raise where a tokenizer's files are absent: transformers quietly makes one that knows the special tokens alone.

    Raises:
        UserError: it has no vocabulary.
    """
    if len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise UserError(
            f"The model {source!r} comes without a vocabulary for its tokenizer. "
            "Add the files that its tokenizer's save_pretrained writes, for example tokenizer.json."
        )


def _first_line(error: Exception) -> str:
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line if line.endswith((".", "!", "?")) else f"{line}."
