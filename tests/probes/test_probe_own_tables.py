"""What sources know of their own images becomes labels, in the order of the images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuronym.probes.labels import own_tables
from neuronym.probes.probe_set import index
from neuronym.probes.sources import Member, Source
from neuronym.records import ImageRecord, LabelTable


@dataclass
class Plain:
    """Grey images that know nothing of themselves; those of ``first`` and more."""

    name: str
    first: int = 0
    count: int = 6

    def members(self) -> list[Member]:
        return [Member(str(number), None) for number in range(self.first, self.first + self.count)]

    def read(self, member: str) -> np.ndarray:
        return np.full((4, 4, 3), int(member), np.uint8)


@dataclass
class Knowing(Plain):
    """As :class:`Plain`; they know their number's remainders."""

    divisors: tuple[int, ...] = (2, 3)

    def concept_table(self, members: Sequence[str]) -> LabelTable:
        values = [[float(int(member) % divisor == 0) for divisor in self.divisors] for member in members]
        return LabelTable(
            tuple(f"by {divisor}" for divisor in self.divisors), ("number",) * len(self.divisors), np.float32(values)
        )


def record(source: str, number: int) -> ImageRecord:
    return ImageRecord(f"{source}{number}", source, str(number), 4, 4, None)


def test_rows_follow_the_records_whatever_their_order() -> None:
    records = [record("b", 9), record("plain", 1), record("a", 4), record("b", 10), record("a", 3)]
    sources: list[Source] = [
        Knowing("a"),
        Plain("plain"),
        Knowing("b", divisors=(3, 5)),
        Knowing("unused", divisors=(7,)),
    ]
    table = own_tables(records, sources)
    assert table is not None
    assert table.concepts == ("by 2", "by 3", "by 5")
    assert table.groups == ("number",) * 3
    # A concept that a source does not know counts as absent from its images.
    assert table.values.tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert table.values.dtype == np.float32


def test_nothing_is_known() -> None:
    assert own_tables([record("plain", 1)], [Plain("plain"), Knowing("unused")]) is None
    assert own_tables([], [Knowing("a")]) is None
    assert own_tables([record("a", 1)], []) is None


def test_a_probe_set_has_them_beside_the_other_labels(tmp_path: Path) -> None:
    rows = "".join(f"{number},{number % 4 == 0:d}\n" for number in range(6))
    (tmp_path / "fours.csv").write_text(f"file,by 4\n{rows}")
    probe = index([Knowing("a"), Plain("plain", 10)], test_paths=[Knowing("b", 20)], labels=tmp_path / "fours.csv")
    table = probe.labels
    assert table is not None
    assert table.groups == ("fours", "number", "number")
    assert table.concepts == ("by 4", "by 2", "by 3")
    for image, values in zip(probe.images, table.values.tolist(), strict=True):
        number = int(image.member)
        known = image.source != "plain"
        assert values == [number < 6 and number % 4 == 0, known and number % 2 == 0, known and number % 3 == 0]


def test_an_image_in_two_sources_has_what_the_first_knows() -> None:
    probe = index([Plain("plain"), Knowing("a", 3)], test_fraction=0)
    assert probe.duplicates == 3
    assert probe.labels is not None
    assert probe.labels.values[[image.source == "plain" for image in probe.images]].sum() == 0
