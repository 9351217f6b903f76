"""Running the program as a user does, but in this process, where its imports are paid for already."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from neuronym.cli import main


@dataclass(frozen=True)
class Ran:
    """What a run of the program gave: its exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The sentence that says what was wrong, after it was made sure that it is all that does."""
        lines = self.err.splitlines()
        assert self.code == 2, f"exit code {self.code}: {self.err}"
        assert not self.out
        assert "Traceback" not in self.err
        assert sum(line.startswith("Error: ") for line in lines) == 1, self.err
        assert lines[-1].startswith("Error: "), self.err
        return lines[-1].removeprefix("Error: ")


def neuronym(*arguments: object, cwd: Path, columns: int = 160) -> Ran:
    """Run ``neuronym`` with some arguments in a folder."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True), io.StringIO()
    code = 0
    environment = {"COLUMNS": str(columns), "NEURONYM_CACHE": str(cwd / "cache")}
    with (
        mock.patch.object(sys, "argv", ["neuronym", *map(str, arguments)]),
        mock.patch.dict(os.environ, environment),
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Ran(code, out.buffer.getvalue().decode(), err.getvalue())  # type: ignore[attr-defined]


def explain(*, cwd: Path, **options: Any) -> Ran:
    """Run ``neuronym explain`` on the tiny network, with some options replaced, added, or left out by None."""
    return neuronym("explain", *arguments(**options), cwd=cwd)


def arguments(**options: Any) -> list[str]:
    """The options of ``neuronym explain``: those of a run that is well, changed."""
    usual = {
        "model": "tiny_net:build",
        "layers": "conv2",
        "images": "images",
        "concepts": "labels",
        "set": "top_k=5",
        "out": "study",
    }
    words: list[str] = []
    for name, value in {**usual, **options}.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif value is not None:
            words += [part for one in (value if isinstance(value, list) else [value]) for part in (option, str(one))]
    return words


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder by its path, with a hash of its bytes; folders with an empty one."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }
