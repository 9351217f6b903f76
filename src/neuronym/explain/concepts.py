"""The candidate descriptions that a method chooses among, from a file or from the images' own labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from neuronym.errors import MethodError, unknown_name
from neuronym.records import LabelTable, digest

LABELS = "labels"


def tidy(text: str) -> str:
    """The text without white space around it, and with single spaces in it."""
    return " ".join(text.split())


@dataclass(frozen=True)
class ConceptSet:
    """Different, non-blank texts in alphabetical order, so that the order of a file decides nothing.

    Attributes:
        texts: the concepts.
        source: the file's name, ``labels:GROUP``, or how else they were given.
        group: the group of the label table they are, so that labels can stand in for an encoder; None for a file.
        blank: how many blank lines were left out.
        duplicates: how many repetitions were left out.
    """

    texts: tuple[str, ...]
    source: str
    group: str | None = None
    blank: int = 0
    duplicates: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def key(self) -> str:
        """Equal for sets that give equal results."""
        return digest([list(self.texts), self.group])

    @classmethod
    def of(cls, texts: Iterable[str], source: str = "given", group: str | None = None) -> ConceptSet:
        """Concepts from texts as they come; white space is trimmed and its runs become one space.

        Raises:
            MethodError: fewer than two concepts are left.
        """
        trimmed = [tidy(text) for text in texts]
        filled = [text for text in trimmed if text]
        unique = sorted(set(filled))
        if len(unique) < 2:
            raise MethodError(
                f"The concept set {source!r} has {len(unique)} concepts; a description is chosen among at least 2."
            )
        return cls(tuple(unique), source, group, len(trimmed) - len(filled), len(filled) - len(unique))


def are_labels(name: str | Path) -> bool:
    """Whether ``name`` means the labels of the probe images, and not a file that happens to be called so."""
    return isinstance(name, str) and name.partition(":")[0] == LABELS and not Path(name).is_file()


def read_concepts(name: str | Path, labels: LabelTable | None) -> ConceptSet:
    """The concepts that ``name`` stands for.

    Args:
        name: a text file with one concept per line; ``labels`` for the labels of the probe images (if they are of one
            group), or ``labels:GROUP``, with GROUP ``class``, ``superclass`` or the name of the label table.
        labels: those labels, if there are any.

    Raises:
        MethodError: the file cannot be read or holds fewer than two concepts, or there are no such labels.
        UnknownNameError: the labels have no such group.
    """
    if are_labels(name):
        return _label_concepts(str(name).partition(":")[2], labels)
    try:
        text = Path(name).expanduser().read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MethodError(
            f"The concept file {str(name)!r} is not UTF-8 text ({error.reason}). Save it as such."
        ) from error
    except OSError as error:
        raise MethodError(
            f"The concept file {str(name)!r} cannot be read: {error.strerror}. Give a text file with one concept per "
            "line, or 'labels' for the labels of the probe images."
        ) from error
    return ConceptSet.of(text.splitlines(), str(name))


def _label_concepts(group: str, labels: LabelTable | None) -> ConceptSet:
    if labels is None:
        raise MethodError(
            "The probe images have no labels to use as concepts. Give images in sub-folders by class, --labels with a "
            "table, or a concept file."
        )
    groups = sorted(set(labels.groups))
    if not group and len(groups) > 1:
        raise MethodError(
            f"The labels are of {len(groups)} groups; choose one: {', '.join(f'labels:{g}' for g in groups)}."
        )
    group = group or groups[0]
    if group not in groups:
        raise unknown_name("group of labels", group, groups)
    return ConceptSet.of(labels.group(group).concepts, f"{LABELS}:{group}", group)
