"""``neuronym vocab build``: a language model is asked about every class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuronym.cli import options as given
from neuronym.cli.console import Reporter, errors, output
from neuronym.cli.vocab_classes import class_names
from neuronym.errors import LanguageModelError, UserError
from neuronym.records.vocabulary import PROMPT

if TYPE_CHECKING:
    from neuronym.backends.language_model import LanguageModel
    from neuronym.vocabulary.budget import Metered, Price
    from neuronym.vocabulary.build import Asked, Builder, Question
    from neuronym.vocabulary.estimate import Estimate


def vocab_build(
    classes: Annotated[
        str,
        typer.Option(
            "--classes",
            help="A shipped vocabulary's classes (imagenet, cifar10 ...), a text file with one per line, images with "
            "named classes (.npz, dataset, folder of folders), or a model whose outputs have names.",
        ),
    ],
    llm: Annotated[
        str,
        typer.Option(
            "--llm",
            help="A language model: openai:NAME, http://HOST/v1 or http://HOST/v1#NAME for a server that talks as "
            "OpenAI's does, hf:OWNER/NAME, a folder, or package.module:callable.",
        ),
    ],
    out: Annotated[str | None, typer.Option("--out", help="The vocabulary's file, .json; replaced if it is there.")] = (
        None
    ),
    prompt: Annotated[
        str, typer.Option("--prompt", help="What is asked, with {class} where the class stands.")
    ] = PROMPT,
    seed: Annotated[int, typer.Option("--seed", help="Of the sampling; each further attempt adds 1.")] = 0,
    temperature: Annotated[
        float,
        typer.Option(
            "--temperature",
            min=0.0,
            help="Of the sampling: 0 for the likeliest reply. Further attempts are made at 0.7 at least.",
        ),
    ] = 0.0,
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", min=1, help="Tokens of a reply; one that is cut off is not used.")
    ] = 512,
    attempts: Annotated[
        int, typer.Option("--attempts", min=1, help="How often a class is asked about until a reply can be read.")
    ] = 3,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Ask nobody; say how many calls and tokens it would take, and the cost.")
    ] = False,
    max_calls: Annotated[
        int | None, typer.Option("--max-calls", min=0, help="Stop before more requests than that.")
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option("--max-cost", min=0.0, help="Stop before the cost could be more, in the currency of --price."),
    ] = None,
    price: Annotated[
        str | None, typer.Option("--price", help="Of a million tokens sent, and of a million received: 0.15,0.60.")
    ] = None,
    parallel: Annotated[
        int, typer.Option("--parallel", min=1, help="Requests at once, at most as many as the model bears.")
    ] = 8,
    weights: given.Weights = None,
    device: given.Device = "auto",
) -> None:
    """Ask a language model what each class is told by, and write its phrases as a vocabulary.

    Replies are kept in the cache as they arrive: a build that was interrupted goes on, and one repeated asks nobody.
    Exit code 1 means that a limit was reached, or that classes are left without phrases: they are named.
    """
    from neuronym import plugins
    from neuronym.activations.embed import cache_root
    from neuronym.backends.language_model import Sampling
    from neuronym.execute.devices import choose_device
    from neuronym.vocabulary.budget import FREE, Metered
    from neuronym.vocabulary.build import Builder, Question
    from neuronym.vocabulary.cache import ReplyCache
    from neuronym.vocabulary.estimate import estimate

    question = Question(prompt, Sampling(seed, temperature, max_tokens), attempts)
    cost = _price(price, llm, max_cost)
    if not dry_run and out is None:
        raise UserError("A vocabulary is written to a file: name it with --out, or add --dry-run to ask nobody.")
    place = None if out is None else checked_place(out)
    names = class_names(classes, weights)
    inner = plugins.language_model(llm, choose_device(device))
    model = Metered(inner, cost or FREE, max_calls, max_cost)
    cache = ReplyCache(cache_root(), inner)
    if dry_run or place is None:
        _show_estimate(inner, estimate(names, question, model, cache, cost))
        return
    with Reporter("Stopped. The replies so far are kept: run the same command again to go on.") as report:
        builder = Builder(model, cache, question, lambda text: _note(report, text))
        asked = _asked(builder, names, parallel, llm, report)
    _write(place, asked, question, inner, classes)
    _end(asked, model, str(out), priced=cost is not None)


def _price(text: str | None, llm: str, max_cost: float | None) -> Price | None:
    """What ``--price`` says; nothing is paid for a local model of Hugging Face, and None where nobody knows.

    Raises:
        UserError: it is of another form, or needed and not there.
    """
    from neuronym import plugins
    from neuronym.vocabulary.budget import FREE, Price

    if text is None:
        entry = plugins.resolve("language_model", llm).entry
        local = entry is not None and entry.name == "hf"
        if not local and max_cost is not None:
            raise UserError("--max-cost needs --price IN,OUT, the price of a million tokens sent and received.")
        return FREE if local else None
    try:
        sent, received = (float(part) for part in text.split(","))
    except ValueError:
        sent = received = -1.0
    if not (0 <= sent < float("inf") and 0 <= received < float("inf")):
        raise UserError(f"--price {text!r} is not the prices of a million tokens sent and received, as 0.15,0.60.")
    return Price(sent, received)


def checked_place(out: str) -> Path:
    """Where a vocabulary is going to be written.

    Raises:
        UserError: its name has not the ending of one.
        StudyError: nothing may be written there.
    """
    from neuronym.store.atomic import check_writable
    from neuronym.store.vocabulary_files import ENDING

    place = Path(out).expanduser()
    if place.suffix.lower() != ENDING:
        raise UserError(f"--out {out!r} does not end with {ENDING}, which tells a vocabulary from a list of texts.")
    check_writable(place)
    return place


def _asked(builder: Builder, names: Sequence[str], parallel: int, llm: str, report: Reporter) -> list[Asked]:
    """What became of every class.

    Raises:
        typer.Exit: a limit was reached; it was said what is done and how to go on.
    """
    from neuronym.vocabulary.budget import LimitReachedError

    try:
        return builder.ask(names, parallel, lambda done, total: report(f"asking {llm}", done, total))
    except LimitReachedError as error:
        done = len(names) - len(builder.missing(names))
        text = (
            f"Stopped: {error}. {done} of {len(names)} classes are done and kept, and no file was written. Run the "
            "same command with a higher limit to go on; nobody is asked twice."
        )
        _note(report, text)
        raise typer.Exit(1) from error


def _note(report: Reporter, text: str) -> None:
    """Say something between the bars; it may quote a server, whose square brackets are no markup."""
    report.console.print(text, markup=False, highlight=False, soft_wrap=True)


def _write(place: Path, asked: Sequence[Asked], question: Question, model: LanguageModel, classes: str) -> None:
    """Write the vocabulary.

    Raises:
        LanguageModelError: there is no phrase at all.
    """
    from datetime import UTC, datetime

    from neuronym.records import Vocabulary
    from neuronym.store.vocabulary_files import write_vocabulary

    if not any(one.phrases.phrases for one in asked):
        first = asked[0].exchanges[-1]
        raise LanguageModelError(
            f"No reply of {model.name} could be read as a list of phrases, and no file was written. The one about "
            f"{first.name!r} {first.reason}: {first.reply[:80]!r}. Try another model, --prompt or --max-tokens."
        )
    card = {
        "by": "a language model, asked by `neuronym vocab build`",
        "written": datetime.now(UTC).date().isoformat(),
        "classes": classes,
        "model": model.name,
        "model key": model.key,
        "seed": str(question.sampling.seed),
        "temperature": f"{question.sampling.temperature:g}",
        "max tokens": str(question.sampling.max_tokens),
        "reviewed": "no",
    }
    phrases = tuple(one.phrases for one in asked)
    exchanges = tuple(exchange for one in asked for exchange in one.exchanges)
    write_vocabulary(place, Vocabulary(place.stem, phrases, question.prompt, card, exchanges))


def _end(asked: Sequence[Asked], model: Metered, out: str, *, priced: bool) -> None:
    """Say what was made.

    Raises:
        typer.Exit: classes are left without phrases.
    """
    from neuronym.cli.showing import counted
    from neuronym.records.vocabulary import distinct_phrases

    phrases = len(distinct_phrases(phrase for one in asked for phrase in one.phrases.phrases))
    spent = f", cost {model.cost:.4g}" if priced and model.cost else ""
    text = f"{out}: {len(asked):,} classes, {phrases:,} phrases; {counted(model.calls, 'request')}{spent}."
    output().print(text, markup=False, highlight=False, soft_wrap=True)
    lacking = [one.exchanges[-1] for one in asked if not one.phrases.phrases]
    for last in lacking:
        note = f"{last.name}: no phrases after {counted(last.attempt, 'attempt')}; the last reply {last.reason}."
        errors().print(note, markup=False, highlight=False, soft_wrap=True)
    if lacking:
        raise typer.Exit(1)


def _show_estimate(model: LanguageModel, found: Estimate) -> None:
    basis = f"the mean of {found.seen:,} kept replies" if found.seen else "a guess, for no reply is kept"
    cost = "unknown without --price" if found.cost is None else f"about {found.cost:.4g}"
    lines = [
        f"{model.name}: {found.kept:,} classes are done already, {found.calls:,} are to be asked about.",
        f"calls         {found.calls:,}; up to {found.most_calls:,} if replies cannot be read",
        f"tokens sent   about {found.prompt_tokens:,}",
        f"tokens back   about {found.reply_tokens:,}, by {basis}",
        f"cost          {cost}",
    ]
    for line in lines:
        output().print(line, markup=False, highlight=False, soft_wrap=True)
