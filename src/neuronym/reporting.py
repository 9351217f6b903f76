"""From folders of studies to a report: what :mod:`neuronym.present` needs is read through :class:`Study`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neuronym.materials import Report
from neuronym.present import report as pages
from neuronym.study import Study, silent


def write_report(
    folder: str | Path,
    studies: Sequence[str | Path | Study],
    *,
    layers: Sequence[str] | None = None,
    title: str | None = None,
    overwrite: bool = False,
    report: Report = silent,
) -> Path:
    """Write the report of some studies and return the page to open.

    Args:
        folder: where to; parents are created.
        studies: studies or their folders, shown in this order under the names of their folders.
        layers: names of layers to show, of all studies that have them; all layers if None.
        title: what the report is called; the studies' names if None.
        overwrite: replace a report that is there.
        report: told about progress.

    Raises:
        UserError: see :func:`neuronym.present.report.write_report`.
    """
    opened = [one if isinstance(one, Study) else Study.open(one, report) for one in studies]
    shown = [study.shown for study in opened]
    return pages.write_report(Path(folder), shown, layers=layers, title=title, overwrite=overwrite, progress=report)
