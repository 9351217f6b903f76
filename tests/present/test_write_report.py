"""Writing a report: where it may go, that nothing is lost, that it is the same every time."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import pytest

from neuronym.errors import StudyError, UnknownNameError, UserError
from neuronym.present import report as module
from neuronym.present.report import ReportInput, is_report, write_report
from neuronym.study import Study
from small_study import make_study


def content(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_equal_studies_give_equal_bytes(given: ReportInput, report: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    page = write_report(tmp_path / "again", [given], progress=lambda *step: told.append(step))
    assert page == tmp_path / "again" / "index.html"
    assert content(tmp_path / "again") == content(report)
    stages = dict.fromkeys(stage for stage, _, _ in told)
    assert list(stages) == ["reading relu", "reading head", "pages of relu", "pages of head", "thumbnails"]
    assert all(
        next(step for step in reversed(told) if step[0] == stage)[1:] == told_last(told, stage) for stage in stages
    )


def told_last(told: list[tuple[str, int, int]], stage: str) -> tuple[int, int]:
    total = next(total for name, _, total in told if name == stage)
    return total, total


def test_a_report_holds_each_shown_image_once(report: Path, study: Study) -> None:
    images = sorted((report / "images").rglob("*.webp"))
    names = {file.stem for file in images}
    assert names == {str(number) for number in range(len(images))}
    assert len(images) <= sum(image.split == "explain" for image in study.images)
    assert len({file.read_bytes() for file in images}) == len(images)


def test_nothing_in_the_data_can_end_a_script(report: Path) -> None:
    for file in (report / "data").rglob("*.js"):
        assert not set("<>&") & set(file.read_text("ascii"))


def test_pages_load_nothing_from_outside(report: Path) -> None:
    for file in [report / "index.html", *(report / "site").iterdir()]:
        text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text
        assert "innerHTML" not in text
        assert "eval(" not in text
    page = (report / "index.html").read_text("utf-8")
    assert "default-src 'none'" in page
    assert "unsafe" not in page


def test_what_is_not_a_report_is_left_alone(given: ReportInput, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(StudyError, match=r"'.*mine' holds something other than a report, and is not touched\. Choose"):
        write_report(folder, [given], overwrite=True)
    assert content(folder) == {"thesis.tex": b"years of work"}
    with pytest.raises(StudyError, match=r"'.*thesis.tex' is a file\. Choose another --out for the report\."):
        write_report(folder / "thesis.tex", [given], overwrite=True)
    (folder / "report.json").write_text('{"format": "another"}')
    assert not is_report(folder)


def test_a_study_is_no_place_for_its_own_report(given: ReportInput, study: Study) -> None:
    with pytest.raises(StudyError, match="holds something other than a report"):
        write_report(study.folder, [given], overwrite=True)


def test_a_report_is_replaced_only_when_asked_and_only_if_nothing_else_is_in_it(
    given: ReportInput, report: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "old"
    shutil.copytree(report, folder)
    with pytest.raises(StudyError, match=r"There is a report at '.*old' already\. Replace it with --overwrite, or use"):
        write_report(folder, [given])
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(StudyError, match=r"The report '.*old' also holds 'notes\.txt', which would be lost\. Move it"):
        write_report(folder, [given], overwrite=True)
    (folder / "notes.txt").unlink()
    (folder / "images" / "0" / "0.webp").write_bytes(b"stale")
    write_report(folder, [given], layers=["head"], overwrite=True)
    assert (
        json.loads((folder / "report.json").read_text("utf-8"))["report"]["studies"][0]["layers"][0]["name"] == "head"
    )
    assert (folder / "images" / "0" / "0.webp").read_bytes() != b"stale"
    assert [entry.name for entry in tmp_path.iterdir()] == ["old"]


def test_an_empty_folder_and_missing_parents_will_do(given: ReportInput, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write_report(tmp_path / "empty", [given], layers=["head"])
    write_report(tmp_path / "a" / "b" / "c", [given], layers=["head"])
    assert content(tmp_path / "empty") == content(tmp_path / "a" / "b" / "c")


def test_the_present_folder_will_do_if_it_is_empty(
    given: ReportInput, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert write_report(Path(), [given], layers=["head"]) == tmp_path / "here" / "index.html"
    assert is_report(tmp_path / "here")


def test_a_full_disk_leaves_nothing_behind_and_what_was_there(
    given: ReportInput, report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "kept"
    shutil.copytree(report, folder)

    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_put", full)
    with pytest.raises(StudyError, match="There is no space left to make the report at"):
        write_report(folder, [given], overwrite=True)
    assert content(folder) == content(report)
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]


def test_several_studies_share_images_and_keep_their_names(given: ReportInput, report: Path, tmp_path: Path) -> None:
    twin = ReportInput("twin", given.store, given.view)
    write_report(tmp_path / "two", [given, twin], title="both")
    shown = json.loads((tmp_path / "two" / "report.json").read_text("utf-8"))["report"]
    assert shown["title"] == "both"
    assert [study["name"] for study in shown["studies"]] == ["spots", "twin"]
    assert len(list((tmp_path / "two").rglob("*.webp"))) == len(list(report.rglob("*.webp")))
    with pytest.raises(UserError, match=r"Two studies of the report are called 'spots'\. Rename the folder of one"):
        write_report(tmp_path / "three", [given, given])
    with pytest.raises(UserError, match=r"A report needs a study\. Give the folder of one\."):
        write_report(tmp_path / "none", [])


def test_layers_that_no_study_has_are_refused(given: ReportInput, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="There is no layer of this study 'reul'"):
        write_report(tmp_path / "r", [given], layers=["reul"])
    assert not (tmp_path / "r").exists()


def test_a_study_that_was_not_probed_is_refused(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s")
    with pytest.raises(StudyError, match=r"The activation pass of the study .* is not done"):
        write_report(tmp_path / "r", [ReportInput("s", study.store, study.view)])
