"""Where the verbs of the benchmark write what they found, and how they end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from neuronym.cli.console import errors, output
from neuronym.errors import StudyError, UserError

if TYPE_CHECKING:
    from neuronym.records.benchmark import Benchmark


@dataclass(frozen=True)
class Places:
    """Where results go.

    Attributes:
        json: the file of ``--json``.
        report: the folder of ``--report``.
        overwrite: whether a page that is there is replaced.
    """

    json: Path | None
    report: Path | None
    overwrite: bool

    @classmethod
    def checked(cls, json: str | None, report: str | None, *, overwrite: bool) -> Places:
        """The places, after making sure that they can be written.

        Raises:
            UserError: one cannot.
        """
        from neuronym.present.benchmark import check_place
        from neuronym.store.atomic import check_writable

        file, folder = (None if one is None else Path(one).expanduser() for one in (json, report))
        places = cls(file, folder, overwrite)
        if places.json is not None:
            check_writable(places.json)
        if places.report is None and overwrite:
            raise UserError("--overwrite is about --report, and none is given. Add it, or leave --overwrite out.")
        if places.report is not None:
            check_place(places.report, overwrite=overwrite)
        return places

    def end(self, found: Benchmark) -> None:
        """Show and write what was found.

        Raises:
            StudyError: the file cannot be written after all; the result is elsewhere then.
            typer.Exit: with code 1, where a gate fails.
        """
        from neuronym.bench.result_files import write_benchmark
        from neuronym.cli.bench_tables import show_benchmark
        from neuronym.present.benchmark import write_benchmark_page

        show_benchmark(found, output())
        if self.json is not None:
            with _kept(found):
                write_benchmark(found, self.json)
            errors().print(f"Written to {self.json}.", markup=False, highlight=False, soft_wrap=True)
        if self.report is not None:
            with _kept(found):
                page = write_benchmark_page(found, self.report, overwrite=self.overwrite)
            errors().print(f"The page: {page}", markup=False, highlight=False, soft_wrap=True)
        if not found.passed:
            raise typer.Exit(1)


@contextmanager
def _kept(found: Benchmark) -> Iterator[None]:
    """Keep a result in the temporary folder where it cannot be written to its place after all: it took minutes."""
    from neuronym.bench.result_files import write_benchmark

    try:
        yield
    except StudyError as error:
        saved = Path(tempfile.gettempdir()) / f"neuronym-bench-{os.getpid()}.json"
        write_benchmark(found, saved)
        raise StudyError(f"{error} What was found is in {str(saved)!r} instead.") from error
