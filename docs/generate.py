"""Writes the pages of this folder that are made from the program itself.

python docs/generate.py
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import typer
from typer.models import ArgumentInfo

from neuronym.cli.app import app

HEAD = """# The command line

<!-- Made by docs/generate.py from the help texts in src/neuronym/cli. Change those, and run it again. -->

Results go to standard output; progress and errors go to standard error. The exit code is 0 when all is well, 2 when
what was given cannot be used (a sentence says what was got and what to do about it), and 130 when it was interrupted.
"""


@dataclass(frozen=True)
class Parameter:
    """An argument or option of a verb: how it is written, what it does, and its value when it is left out."""

    written: str
    help: str
    default: str


def verbs() -> dict[str, Callable[..., Any]]:
    """The functions behind the verbs, by name; those below another verb, such as ``bench compare``, after it."""
    found = {str(command.name): command.callback for command in app.registered_commands if command.callback}
    for group in app.registered_groups:
        inner = group.typer_instance
        if inner is None or inner.registered_callback is None or inner.registered_callback.callback is None:
            continue
        found[str(group.name)] = inner.registered_callback.callback
        found |= {f"{group.name} {one.name}": one.callback for one in inner.registered_commands if one.callback}
    return found


def parameters(function: Callable[..., Any]) -> Iterator[Parameter]:
    """The parameters of a verb, in the order of its help."""
    hints = get_type_hints(function, include_extras=True)
    for name, given in inspect.signature(function).parameters.items():
        if hints[name] is typer.Context:
            continue
        kind, info = get_args(hints[name])
        default = "required" if given.default is given.empty else _shown(given.default)
        if isinstance(info, ArgumentInfo):
            yield Parameter(str(info.metavar or name.upper()), info.help or "", default)
            continue
        # Typer takes the first name for a default when the option is made, and sorts that out when it is used.
        declared = [word for word in (info.default, *(info.param_decls or ())) if isinstance(word, str)]
        words = [word for names in declared or [f"--{name.replace('_', '-')}"] for word in names.split("/")]
        value = _value(kind)
        yield Parameter(", ".join(f"{word}{value}" for word in words), info.help or "", default)


def command_line() -> str:
    """The page about the command line: every verb with every argument and option."""
    assert app.registered_callback is not None
    program = app.registered_callback.callback
    assert program is not None
    sections = [_section("neuronym", program, "VERB")]
    sections += [_section(f"neuronym {name}", function) for name, function in verbs().items()]
    return "\n".join([HEAD, *sections])


def pages() -> dict[Path, str]:
    """Every page that is made, by its file."""
    return {Path(__file__).with_name("cli.md"): command_line()}


def _section(name: str, function: Callable[..., Any], *words: str) -> str:
    found = list(parameters(function))
    arguments = [one.written for one in found if not one.written.startswith("-")]
    usage = " ".join([name, *arguments, "[OPTIONS]", *words])
    lines = [f"## {name}", "", inspect.getdoc(function) or "", "", f"    {usage}", ""]
    if found:
        lines += ["| | | default |", "| --- | --- | --- |"]
        lines += [f"| `{one.written}` | {_cell(one.help)} | {one.default} |" for one in found]
    else:
        lines[-2] = f"    {name}"
    return "\n".join([*lines, ""])


def _value(kind: Any) -> str:
    """What stands for the value of an option."""
    kinds = {kind, *get_args(kind), *(inner for part in get_args(kind) for inner in get_args(part))}
    if bool in kinds:
        return ""
    return " NUMBER" if {int, float} & kinds else " TEXT"


def _shown(default: object) -> str:
    return "" if default is None or default is False else f"`{default}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    for file, text in pages().items():
        file.write_text(text, encoding="utf-8")
