"""A vocabulary from a language model: every class is asked about, and what cannot be read is asked again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace

from neuronym.backends.language_model import LanguageModel, Message, Reply, Sampling, with_retries
from neuronym.errors import UserError
from neuronym.records import ClassPhrases, Exchange
from neuronym.records.vocabulary import PROMPT, ExchangeState, spoken_name
from neuronym.vocabulary.budget import Metered
from neuronym.vocabulary.cache import ReplyCache
from neuronym.vocabulary.replies import Unreadable, phrases_of

PLACE = "{class}"
"""Where the class stands in a prompt."""

AGAIN = 0.7
"""The least temperature of a second question: at 0 a model would give the reply again that could not be read."""


@dataclass(frozen=True, slots=True)
class Question:
    """What every class is asked about, and how.

    Attributes:
        prompt: with ``{class}`` where the class stands.
        sampling: of the first attempt; the n-th has a seed that is n - 1 larger, and a temperature of :data:`AGAIN` at
            least.
        attempts: how often a class is asked about until a reply can be read, from 1.

    Raises:
        UserError: the prompt does not ask about a class.
    """

    prompt: str = PROMPT
    sampling: Sampling = Sampling()  # noqa: RUF009 - a frozen record
    attempts: int = 3

    def __post_init__(self) -> None:
        if PLACE not in self.prompt:
            raise UserError(f"The prompt {self.prompt!r} asks about no class. Write {PLACE} where its name stands.")

    def about(self, name: str) -> str:
        """The prompt for a class."""
        return self.prompt.replace(PLACE, spoken_name(name))

    def sampling_of(self, attempt: int) -> Sampling:
        """How the attempt is sampled, counted from 1."""
        if attempt == 1:
            return self.sampling
        seed, temperature = self.sampling.seed + attempt - 1, max(self.sampling.temperature, AGAIN)
        return replace(self.sampling, seed=seed, temperature=temperature)


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a class: its phrases, none where no reply could be read, and all that was said."""

    phrases: ClassPhrases
    exchanges: tuple[Exchange, ...]


class Builder:
    """Asks a language model about classes; replies are kept as they come.

    Args:
        model: who is asked.
        cache: where its replies are kept.
        question: what is asked.
        note: told when the model is busy and asked again, and what is waited for at the end.
    """

    def __init__(
        self, model: Metered, cache: ReplyCache, question: Question, note: Callable[[str], object] | None = None
    ) -> None:
        self._model, self._cache, self._question, self._note = model, cache, question, note
        self._stopping = threading.Event()
        self._failures: list[BaseException] = []

    def kept(self, name: str) -> Asked | None:
        """What became of a class according to the cache, or None where something is still to be asked."""
        return self._walk(name, lambda *_: None)

    def missing(self, names: Sequence[str]) -> list[str]:
        """The classes about which something is still to be asked."""
        return [name for name in names if self.kept(name) is None]

    def ask(self, names: Sequence[str], parallel: int, progress: Callable[[int, int], object]) -> list[Asked]:
        """What became of some classes, in their order.

        Args:
            names: different ones.
            parallel: how many are asked about at once, at most as many as the model bears.
            progress: told how many are done, of how many.

        Raises:
            LimitReachedError: a limit is reached; what was answered is kept.
            LanguageModelError: the model does not answer; likewise.
        """
        with ThreadPoolExecutor(max(1, min(parallel, self._model.parallel))) as pool:
            waiting = [pool.submit(self._asked, name) for name in names]
            try:
                for done, future in enumerate(as_completed(waiting), 1):
                    future.result()
                    progress(done, len(names))
            except BaseException as error:
                self._stop(error)
                self._say_waiting()
                pool.shutdown(wait=True, cancel_futures=True)  # what was asked is waited for, and kept
        if self._failures:
            raise self._failures[0]
        return [future.result() for future in waiting]

    def _asked(self, name: str) -> Asked:
        try:
            found = self._walk(name, self._reply)
        except BaseException as error:
            self._stop(error)  # here, before this thread goes on to the next class
            raise
        assert found is not None  # every question got a reply
        return found

    def _stop(self, error: BaseException) -> None:
        """Ask nothing more; the first error is the one that is raised, for others may only follow from it."""
        self._failures.append(error)
        self._model.close()
        self._stopping.set()

    def _say_waiting(self) -> None:
        if self._note is not None and (asking := self._model.asking):
            self._note(
                f"Stopping: {asking} of the requests are on their way, and their replies are waited for and kept."
            )

    def _reply(self, name: str, prompt: str, sampling: Sampling) -> Reply:
        messages = [Message("user", prompt)]
        reply = with_retries(self._model, messages, sampling, sleep=self._stopping.wait, report=self._note)
        self._cache.write(name, prompt, sampling, reply)
        return reply

    def _walk(self, name: str, ask: Callable[[str, str, Sampling], Reply | None]) -> Asked | None:
        """Attempt after attempt until a reply can be read; None where ``ask``, for one not kept, gives none."""
        prompt = self._question.about(name)
        exchanges: list[Exchange] = []
        phrases: tuple[str, ...] = ()
        for attempt in range(1, self._question.attempts + 1):
            sampling = self._question.sampling_of(attempt)
            reply = self._cache.read(name, prompt, sampling) or ask(name, prompt, sampling)
            if reply is None:
                return None
            state, reason, phrases = judged(reply)
            exchanges.append(_exchange(self._model, name, prompt, sampling, attempt, reply.text, state, reason))
            if phrases:
                break
        return Asked(ClassPhrases(name, phrases), tuple(exchanges))


def judged(reply: Reply) -> tuple[ExchangeState, str, tuple[str, ...]]:
    """What a reply is, why it is no list of phrases, and its phrases; none of one that was cut off, which may lie."""
    if not reply.finished:
        return "cut off", f"was cut off after {reply.reply_tokens} tokens", ()
    found = phrases_of(reply.text)
    return ("unreadable", found.reason, ()) if isinstance(found, Unreadable) else ("parsed", "", found)


def _exchange(
    model: LanguageModel,
    name: str,
    prompt: str,
    sampling: Sampling,
    attempt: int,
    text: str,
    state: ExchangeState,
    reason: str,
) -> Exchange:
    return Exchange(
        name=name,
        prompt=prompt,
        reply=text,
        model=model.name,
        model_key=model.key,
        seed=sampling.seed,
        temperature=sampling.temperature,
        attempt=attempt,
        state=state,
        reason=reason,
    )
