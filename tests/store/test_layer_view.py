"""What a view gives of the smallest and the largest studies."""

from __future__ import annotations

import numpy as np
import pytest

from neuronym.errors import MethodError, UnknownNameError
from neuronym.study import Study
from small_study import make_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("view") / "s", ("relu", "head"), test_fraction=0.0).probe(device="cpu")


def test_a_study_without_test_images_has_empty_tables_of_them(study: Study) -> None:
    view = study.view("relu")
    assert view.summaries("mean", "test").shape == (0, 12)
    labels = view.labels("test")
    assert labels is not None
    assert labels.values.shape == (0, 4)
    assert view.images("test") == ()
    with pytest.raises(MethodError, match="does not keep the summary 'q99'"):
        view.summaries("q99", "test")


def test_labels_of_a_split_are_a_part_of_those_of_the_study(study: Study) -> None:
    whole, part = study.store.labels, study.view("relu").labels("explain")
    assert whole is not None
    assert part is not None
    assert np.shares_memory(whole.values, part.values)
    with pytest.raises(ValueError, match="read-only"):
        part.values[0, 0] = 7


def test_exemplars_come_without_their_maps_where_nobody_looks_at_them(study: Study) -> None:
    view = study.view("relu")
    whole, bare = view.exemplars(3, "max"), view.exemplars(3, "max", maps=False)
    assert [one.image_id for one in whole] == [one.image_id for one in bare]
    assert [one.value for one in whole] == [one.value for one in bare]
    assert all(one.map is not None and one.map.shape == (16, 16) for one in whole)
    assert all(one.map is None for one in bare)
    assert all(one.map is None for one in study.view("head").exemplars(3, "max"))


def test_a_quantile_that_is_not_stored_is_refused(study: Study) -> None:
    view = study.view("relu")
    for ask in (view.quantile, view.quantile_error):
        with pytest.raises(UnknownNameError, match=r"There is no stored quantile '0\.42'"):
            ask(0.42)
