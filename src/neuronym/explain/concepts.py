"""The candidate descriptions that a method chooses among: a file, a vocabulary, or the images' own labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from neuronym.errors import MethodError, unknown_name
from neuronym.records import LabelTable, Vocabulary, digest
from neuronym.store.vocabulary_files import ENDING, PREFIX, find_vocabulary

LABELS = "labels"


def tidy(text: str) -> str:
    """The text without white space around it, and with single spaces in it."""
    return " ".join(text.split())


@dataclass(frozen=True)
class ConceptSet:
    """Different, non-blank texts in alphabetical order, so that the order of a file decides nothing.

    Attributes:
        texts: the concepts.
        source: the file's name, ``labels:GROUP``, ``vocab:NAME``, or how else they were given.
        group: the group of the label table they are, so that labels can stand in for an encoder; None for a file.
        blank: how many blank lines were left out.
        duplicates: how many repetitions were left out.
        vocabulary: where they are the phrases of one, with what it knows of their classes.
    """

    texts: tuple[str, ...]
    source: str
    group: str | None = None
    blank: int = 0
    duplicates: int = 0
    vocabulary: Vocabulary | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def key(self) -> str:
        """Equal for sets that give equal results."""
        of = [] if self.vocabulary is None else [self.vocabulary.key]
        return digest([list(self.texts), self.group, *of])

    def classes_of(self, text: str) -> tuple[str, ...]:
        """The classes that a phrase of a vocabulary is about; none for other concepts."""
        return () if self.vocabulary is None else self.vocabulary.serving(text)

    def leaks(self, text: str) -> tuple[str, ...]:
        """Those of :meth:`classes_of` whose names are in the text itself, so that it tells no feature of them."""
        return () if self.vocabulary is None else self.vocabulary.leaks(text)

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

    @classmethod
    def of_vocabulary(cls, vocabulary: Vocabulary, source: str) -> ConceptSet:
        """The distinct phrases of a vocabulary.

        Raises:
            MethodError: they are fewer than two.
        """
        return replace(cls.of(vocabulary.phrases, source), vocabulary=vocabulary)


def are_labels(name: str | Path) -> bool:
    """Whether ``name`` means the labels of the probe images, and not a file that happens to be called so."""
    return isinstance(name, str) and name.partition(":")[0] == LABELS and not Path(name).is_file()


def is_vocabulary(name: str | Path) -> bool:
    """Whether ``name`` means a vocabulary, and not a list of concepts."""
    shipped = isinstance(name, str) and name.startswith(PREFIX) and not Path(name).is_file()
    return shipped or Path(name).suffix.lower() == ENDING


def read_concepts(name: str | Path, labels: LabelTable | None) -> ConceptSet:
    """The concepts that ``name`` stands for.

    Args:
        name: a text file with one concept per line; ``vocab:NAME`` for a vocabulary that comes with Neuronym, or a
            vocabulary's file (.json); ``labels`` for the labels of the probe images (if they are of one group), or
            ``labels:GROUP``, with GROUP ``class``, ``superclass`` or the name of the label table.
        labels: those labels, if there are any.

    Raises:
        MethodError: the file cannot be read or holds fewer than two concepts, or there are no such labels.
        UnknownNameError: the labels have no such group, or there is no such vocabulary.
        UserError: the vocabulary's file is damaged or empty.
    """
    if are_labels(name):
        return _label_concepts(str(name).partition(":")[2], labels)
    if is_vocabulary(name):
        return ConceptSet.of_vocabulary(find_vocabulary(str(name)), str(name))
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
