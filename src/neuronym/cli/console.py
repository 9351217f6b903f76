"""Where the verbs write: results to standard output, progress and errors to standard error."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text


def output() -> Console:
    """The console for results."""
    return Console()


def errors() -> Console:
    """The console for progress and errors."""
    return Console(stderr=True)


class _Rate(ProgressColumn):
    """Items per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s" if speed >= 10 else f"{speed:.1f}/s", style="cyan")


class Reporter:
    """Shows stages as bars with rate and time left; without a terminal, a line per stage and every ten seconds.

    Args:
        stopped: what is said when the user stops the work.

    Attributes:
        console: where other notes go meanwhile; what another console prints would land in the middle of a bar.
    """

    def __init__(self, stopped: str = "Stopped. What was written is kept: go on with --resume.") -> None:
        self._stopped = stopped
        console = errors()
        self._live = console.is_terminal
        self.console = console
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            _Rate(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=console,
            disable=not self._live,
        )
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, tuple[float, int]] = {}
        self._said: dict[str, tuple[float, int]] = {}

    def __enter__(self) -> Reporter:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
        if kind is KeyboardInterrupt:
            self.console.print(self._stopped, highlight=False)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take notice that ``done`` of ``total`` items of a stage are done."""
        if self._live:
            if stage not in self._tasks:
                self._tasks[stage] = self._bars.add_task(stage, total=total, completed=done)
            self._bars.update(self._tasks[stage], completed=done, total=total)
        else:
            self._line(stage, done, total)

    def _line(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        began, first = self._began.setdefault(stage, (now, done))
        last, said = self._said.setdefault(stage, (began, -1))
        if done == said or (done < total and now - last < 10):
            return
        self._said[stage] = (now, done)
        rate = (done - first) / (now - began) if now > began else 0.0
        left = f", {(total - done) / rate:.0f} s left" if rate and done < total else ""
        speed = f", {rate:,.1f}/s" if rate else ""
        self.console.print(f"{stage}: {done:,}/{total:,}{speed}{left}", highlight=False)
