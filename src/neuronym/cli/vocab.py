"""``neuronym vocab``: what descriptions can be chosen among, class by class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from neuronym.cli.console import errors, output
from neuronym.cli.vocab_build import vocab_build
from neuronym.errors import UserError, unknown_name

if TYPE_CHECKING:
    from neuronym.records import ClassPhrases, Vocabulary

_VOCABULARY = typer.Argument(metavar="VOCABULARY", help="The name of a shipped vocabulary, or a file.")

app = typer.Typer(
    invoke_without_command=True,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Phrases that classes are told by, for --concepts: build, show, merge and check them.",
)
app.command("build")(vocab_build)


@app.callback()
def vocab() -> None:
    """Phrases that classes are told by, for --concepts: build, show, merge and check them."""


@app.command("show")
def vocab_show(
    vocabulary: Annotated[
        str | None,
        typer.Argument(
            metavar="[VOCABULARY]", help="The name of a shipped vocabulary, or a file; all shipped if none."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option("--class", help="Only this class, with all that was said about it.")] = (
        None
    ),
) -> None:
    """Show where a vocabulary comes from and what it says of each class; * marks phrases with their class's name."""
    from neuronym.store.vocabulary_files import find_vocabulary

    if vocabulary is None:
        if name is not None:
            raise UserError("--class is of one vocabulary. Name it before.")
        return _list_shipped()
    found = find_vocabulary(vocabulary)
    if name is not None:
        return _show_class(found, name)
    _show_card(found)
    for one in found.classes:
        output().print(_line(one), soft_wrap=True)
    return None


@app.command("merge")
def vocab_merge(
    vocabularies: Annotated[
        list[str], typer.Argument(metavar="VOCABULARY...", help="Names of shipped vocabularies, or files.")
    ],
    out: Annotated[str, typer.Option("--out", help="The new vocabulary's file, .json; replaced if it is there.")],
) -> None:
    """Join vocabularies: the phrases of a class that several have become one list, without repetitions."""
    from pathlib import Path

    from neuronym.cli.vocab_build import checked_place
    from neuronym.store.vocabulary_files import find_vocabulary, write_vocabulary
    from neuronym.vocabulary.merge import merge

    place = checked_place(out)
    made = merge(Path(out).stem, [find_vocabulary(one) for one in vocabularies])
    write_vocabulary(place, made)
    _say(f"{out}: {len(made.classes):,} classes, {len(made.phrases):,} phrases.")


@app.command("check")
def vocab_check(
    vocabulary: Annotated[str, _VOCABULARY],
    least: Annotated[int, typer.Option("--least", min=0, help="Phrases of a class at least.")] = 5,
    most: Annotated[int, typer.Option("--most", min=1, help="Phrases of a class at most.")] = 8,
) -> None:
    """Check the phrases of a vocabulary: how many, how long, repeated, shared by too many classes, or mere names.

    Exit code 1 means that something is wrong: it is listed.
    """
    from neuronym.cli.showing import counted
    from neuronym.store.vocabulary_files import find_vocabulary
    from neuronym.vocabulary.check import MANY, figures_of, violations

    if least > most:
        raise UserError(f"No class has {least} phrases at least and {most} at most. Give a --least up to --most.")
    found = find_vocabulary(vocabulary)
    figures, faults = figures_of(found), violations(found, least, most)
    _say(
        f"{found.name}: {figures.classes:,} classes, {figures.phrases:,} phrases, "
        f"{figures.entries / figures.classes:.1f} a class of {figures.words:.1f} words on average; {figures.shared:,} "
        f"serve more than {MANY} classes, {figures.leaking:,} have the name of their class in them."
    )
    for fault in faults:
        _say(fault)
    if faults:
        errors().print(f"{counted(len(faults), 'fault')}.", highlight=False)
        raise typer.Exit(1)


def _list_shipped() -> None:
    from neuronym.store.vocabulary_files import read_shipped, shipped

    for name in shipped():
        found = read_shipped(name)
        _say(f"vocab:{name}  {len(found.classes):,} classes, {len(found.phrases):,} phrases")


def _show_card(vocabulary: Vocabulary) -> None:
    _say(f"{vocabulary.name}: {len(vocabulary.classes):,} classes, {len(vocabulary.phrases):,} phrases")
    _say(f"prompt: {vocabulary.prompt}")
    for entry, text in vocabulary.card.items():
        _say(f"{entry}: {text}")


def _show_class(vocabulary: Vocabulary, name: str) -> None:
    """One class whole: its phrases, and the exchanges that they come from."""
    from neuronym.records.vocabulary import class_key

    chosen = [one for one in vocabulary.classes if class_key(one.name) == class_key(name)]
    if not chosen:
        known = {one.name for one in vocabulary.classes}
        raise unknown_name(f"class of the vocabulary {vocabulary.name!r} called", name, known)
    for one in chosen:
        output().print(_line(one), soft_wrap=True)
    named = {one.name for one in chosen}
    for exchange in vocabulary.exchanges:
        if exchange.name in named:
            reason = f" ({exchange.reason})" if exchange.reason else ""
            _say(f"\nattempt {exchange.attempt} of {exchange.model}, seed {exchange.seed}: {exchange.state}{reason}")
            _say(f"{exchange.prompt}\n{exchange.reply}")


def _line(one: ClassPhrases) -> Text:
    marked = (f"{phrase} *" if one.leaks(phrase) else phrase for phrase in one.phrases)
    return Text.assemble((one.name, "cyan"), ": ", "; ".join(marked))


def _say(text: str) -> None:
    output().print(text, markup=False, highlight=False, soft_wrap=True)
