"""Images are encoded once per probe set and encoder, whatever the study, and an interrupted encoding goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from neuronym.activations import embed
from neuronym.activations.embed import cache_root, embed_images
from neuronym.errors import MethodError, StudyError
from neuronym.probes.probe_set import ProbeSet, index
from small_study import make_study, write_images


class Counting:
    """The mean colour as an embedding; counts, and stops after ``most`` images."""

    name, dim = "test:counting", 3

    def __init__(self, key: str = "counting-1", most: int = 10**9) -> None:
        self.key, self.seen, self._most = key, 0, most

    def encode_images(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        if self.seen + len(images) > self._most:
            raise KeyboardInterrupt
        self.seen += len(images)
        rows = np.array([np.asarray(image).mean((0, 1)) for image in images], dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.tile(np.array([[1, 0, 0]], np.float32), (len(texts), 1))


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "CHUNK", 16)


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> ProbeSet:
    return index([write_images(tmp_path_factory.mktemp("images") / "i.npz", 20)])


def naive(probe: ProbeSet, split: str) -> npt.NDArray[np.float32]:
    chosen = [i for i, image in enumerate(probe.images) if image.split == split]
    return Counting().encode_images([probe.load(i) for i in chosen])


@pytest.mark.parametrize("split", ["explain", "test"])
def test_rows_are_in_the_order_of_the_split_and_made_once(tmp_path: Path, probe: ProbeSet, split: str) -> None:
    encoder = Counting()
    rows = embed_images(encoder, probe, split, tmp_path, batch_size=7)  # type: ignore[arg-type]
    assert np.allclose(rows, naive(probe, split), atol=1e-6)
    again = Counting()
    assert np.array_equal(embed_images(again, probe, split, tmp_path), rows)  # type: ignore[arg-type]
    assert again.seen == 0
    other = Counting("counting-2")
    embed_images(other, probe, split, tmp_path)  # type: ignore[arg-type]
    assert other.seen == len(rows)


def test_an_encoding_that_was_interrupted_goes_on(tmp_path: Path, probe: ProbeSet) -> None:
    total = probe.count("explain")
    with pytest.raises(KeyboardInterrupt):
        embed_images(Counting(most=40), probe, "explain", tmp_path, batch_size=8)  # type: ignore[arg-type]
    told: list[tuple[int, int]] = []
    encoder = Counting()
    rows = embed_images(
        encoder,
        probe,
        "explain",
        tmp_path,
        batch_size=8,
        progress=lambda *at: told.append(at),  # type: ignore[arg-type]
    )
    assert encoder.seen == total - 32  # two chunks of 16 were written
    assert told[-1] == (total, total)
    assert np.allclose(rows, naive(probe, "explain"), atol=1e-6)


def test_a_damaged_cache_is_refused_by_name(tmp_path: Path, probe: ProbeSet) -> None:
    embed_images(Counting(), probe, "explain", tmp_path)  # type: ignore[arg-type]
    chunk = next(path for path in tmp_path.rglob("c.*"))
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(bytes(data))
    with pytest.raises(StudyError, match="is damaged"):
        embed_images(Counting(), probe, "explain", tmp_path)  # type: ignore[arg-type]


def test_two_studies_of_the_same_images_share_their_embeddings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURONYM_CACHE", str(tmp_path / "cache of mine"))
    first, second = Counting(), Counting()
    a = make_study(tmp_path / "a", ("head",)).probe(device="cpu")
    (tmp_path / "b-images.npz").write_bytes((tmp_path / "a-images.npz").read_bytes())
    b = make_study(tmp_path / "b", ("conv2",)).probe(device="cpu")
    for study, encoder in ((a, first), (b, second)):
        study.explain(concepts=["red", "green"], encoder=encoder, settings={"top_k": 10})  # type: ignore[arg-type]
    assert (first.seen, second.seen) == (84, 0)


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NEURONYM_CACHE", str(tmp_path))
    assert cache_root() == tmp_path
    monkeypatch.delenv("NEURONYM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_root() == tmp_path / "x" / "neuronym"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_root() == Path.home() / ".cache" / "neuronym"


class _Wrong(Counting):
    """Spoils what it gives."""

    def __init__(self, how: str) -> None:
        super().__init__(f"wrong-{how}")
        self._how = how

    def encode_images(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        rows = super().encode_images(images)
        if self._how == "nan":
            rows[0, 0] = np.nan
        return rows[1:] if self._how == "fewer" else rows


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            "nan",
            "The encoder test:counting gave NaN or infinite embeddings. Check its weights, or choose another encoder.",
        ),
        ("fewer", "The encoder test:counting gave an array of shape (7, 3) for 8 inputs; it must be (8, 3)."),
    ],
)
def test_what_is_no_embedding_is_never_kept(tmp_path: Path, probe: ProbeSet, how: str, message: str) -> None:
    for _ in range(2):  # a second time, because the first must not have left anything to read
        with pytest.raises(MethodError) as refused:
            embed_images(_Wrong(how), probe, "explain", tmp_path, batch_size=8)  # type: ignore[arg-type]
        assert str(refused.value) == message
    assert not list(tmp_path.rglob("c.*"))


def test_a_cache_that_cannot_be_written_says_how_to_choose_another(tmp_path: Path, probe: ProbeSet) -> None:
    (tmp_path / "embeddings").write_text("in the way")
    with pytest.raises(StudyError, match="the environment variable NEURONYM_CACHE chooses another"):
        embed_images(Counting(), probe, "explain", tmp_path)  # type: ignore[arg-type]
