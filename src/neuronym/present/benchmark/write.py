"""Writes the page of a benchmark."""

from __future__ import annotations

from pathlib import Path

from neuronym.errors import StudyError
from neuronym.present.benchmark.page import html
from neuronym.records.benchmark import Benchmark
from neuronym.store.atomic import guarded, write_bytes

PAGE = "index.html"
"""The page's name in its folder."""

_MARK = b'<meta name="generator" content="Neuronym benchmark">'


def write_benchmark_page(result: Benchmark, folder: Path, *, overwrite: bool) -> Path:
    """Write the page of a benchmark as one file; equal results give equal bytes.

    Other files in the folder are left alone.

    Args:
        result: what is shown.
        folder: where to; parents are created.
        overwrite: replace a page of a benchmark that is there.

    Returns:
        The page to open.

    Raises:
        StudyError: there is a page already and ``overwrite`` is not given, or a page of something else; or the folder
            cannot be written.
    """
    check_place(folder, overwrite=overwrite)
    page = folder / PAGE
    write_bytes(page, html(result))
    return page


def check_place(folder: Path, *, overwrite: bool) -> None:
    """Raise unless the page may be written to a folder; to be asked before a long run.

    Raises:
        StudyError: see :func:`write_benchmark_page`.
    """
    place, page = str(folder), folder / PAGE
    if folder.exists() and not folder.is_dir():
        raise StudyError(f"{place!r} is a file. Choose another folder for the benchmark.")
    if not page.exists():
        return
    with guarded(page, "read the page"):
        ours = page.is_file() and _MARK in page.read_bytes()
    if not ours:
        raise StudyError(f"{str(page)!r} is no page of a benchmark, and is not touched. Choose another folder.")
    if not overwrite:
        raise StudyError(
            f"There is a benchmark at {place!r} already. Replace it with --overwrite, or use another folder."
        )
