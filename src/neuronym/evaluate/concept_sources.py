"""Sources of how much of a description is in each image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from neuronym.errors import MethodError, unknown_name
from neuronym.records import LabelTable, Split


@dataclass(frozen=True, eq=False)
class LabelSource:
    """A group of the images' own labels: a description is resolved if it is the name of a label.

    Attributes:
        name: ``labels:GROUP``.
        tables: the labels of that group, by split.
    """

    name: str
    tables: dict[Split, LabelTable]

    @classmethod
    def of(cls, explain: LabelTable | None, test: LabelTable | None, group: str = "") -> LabelSource:
        """The source for a group; it may be left out where there is only one.

        Raises:
            MethodError: there are no labels, or several groups and none was chosen.
            UnknownNameError: there is no such group.
        """
        if explain is None or test is None:
            raise MethodError("The probe images have no labels to evaluate with. Give images with labels, or --labels.")
        groups = sorted(set(explain.groups))
        if not group and len(groups) > 1:
            choices = ", ".join(f"labels:{name}" for name in groups)
            raise MethodError(f"The labels are of {len(groups)} groups; choose one of {choices}.")
        group = group or groups[0]
        if group not in groups:
            raise unknown_name("group of labels", group, groups)
        return cls(f"labels:{group}", {"explain": explain.group(group), "test": test.group(group)})

    def concept(self, text: str, split: Split) -> npt.NDArray[np.float32] | None:
        """Float32 [images], or None if no label has this name."""
        column = self._columns.get(" ".join(text.split()))
        return None if column is None else self.tables[split].values[:, column]

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {" ".join(text.split()): index for index, text in enumerate(self.tables["test"].concepts)}
