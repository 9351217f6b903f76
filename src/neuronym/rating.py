"""From the folder of a study to a page for blind rating, and from its ratings to figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neuronym.errors import UserError
from neuronym.evaluate.rating_files import read_ratings
from neuronym.evaluate.ratings import RatingReport, rating_report, ratings_table
from neuronym.materials import Report
from neuronym.present.rating.draw import Asked
from neuronym.present.rating.write import RESULTS, Written
from neuronym.present.rating.write import write_rating as write_page
from neuronym.store.atomic import write_json, write_table
from neuronym.store.rating_key import read_key
from neuronym.study import Study, silent

__all__ = ["FOLDER", "Asked", "RatingReport", "Written", "import_ratings", "write_rating"]

FOLDER = "rating"
"""Where a study's rating page lies, if nothing else is said."""


def write_rating(
    study: str | Path | Study,
    folder: str | Path | None = None,
    asked: Asked | None = None,
    *,
    overwrite: bool = False,
    report: Report = silent,
) -> Written:
    """Write the page on which people rate a study's descriptions without knowing whose they are.

    Args:
        study: the study or its folder.
        folder: where to; ``rating`` within the study if None.
        asked: which layers and runs, how many units and images, and the seed of the draw.
        overwrite: replace a page that is there.
        report: told about progress.

    Raises:
        UserError: see :func:`neuronym.present.rating.write.write_rating`.
    """
    opened = study if isinstance(study, Study) else Study.open(study, report)
    return write_page(_place(opened, folder), opened.shown, asked or Asked(), overwrite=overwrite, progress=report)


def import_ratings(
    study: str | Path | Study, ratings: Sequence[str | Path], folder: str | Path | None = None, *, seed: int = 0
) -> RatingReport:
    """Read what raters downloaded, and write figures of it beside the page: ``ratings.parquet``, ``figures.json``.

    Args:
        study: the study or its folder.
        ratings: the raters' CSV files.
        folder: where the page was written; ``rating`` within the study if None.
        seed: of the intervals' resamples.

    Raises:
        UserError: a file is not one of this page's, or two contradict each other.
        StudyError: there is no page in the folder, or it cannot be written.
    """
    if not ratings:
        raise UserError("No file of ratings was named. Name some with --import.")
    opened = study if isinstance(study, Study) else Study.open(study)
    place = _place(opened, folder)
    key = read_key(place)
    given = read_ratings(ratings, key)
    made = rating_report(given, key, seed=seed)
    table, figures = (place / name for name in RESULTS)
    write_table(table, ratings_table(given, key))
    write_json(figures, made.to_json())
    return made


def _place(study: Study, folder: str | Path | None) -> Path:
    return study.folder / FOLDER if folder is None else Path(folder).expanduser()
