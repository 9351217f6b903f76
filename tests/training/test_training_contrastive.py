"""The losses of image-text training against plain loops, and that training learns."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from neuronym.training.classifier import train_classifier
from neuronym.training.contrastive import (
    ContrastiveBatch,
    Towers,
    Weights,
    caption_loss,
    features,
    soft_cross_entropy,
    train_contrastive,
)
from neuronym.training.optimisers import Schedule


def slow_soft_cross_entropy(logits: list[list[float]], fits: list[list[bool]]) -> float:
    losses = []
    for row, true in zip(logits, fits, strict=True):
        if not any(true):
            continue
        total = math.log(sum(math.exp(value - max(row)) for value in row)) + max(row)
        losses.append(sum(total - value for value, good in zip(row, true, strict=True) if good) / sum(true))
    return sum(losses) / len(losses) if losses else 0.0


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_soft_cross_entropy_is_the_plain_sum(rows: int, columns: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    logits, fits = generator.normal(0, 4, (rows, columns)), generator.random((rows, columns)) < 0.4
    found = soft_cross_entropy(torch.tensor(logits), torch.tensor(fits))
    assert found.item() == pytest.approx(slow_soft_cross_entropy(logits.tolist(), fits.tolist()), abs=1e-6)


def test_with_one_right_caption_each_it_is_the_loss_of_clip() -> None:
    logits = torch.randn(6, 6, generator=torch.Generator().manual_seed(1))
    own = torch.arange(6)
    wanted = (nn.functional.cross_entropy(logits, own) + nn.functional.cross_entropy(logits.T, own)) / 2
    torch.testing.assert_close(caption_loss(logits, torch.eye(6, dtype=torch.bool)), wanted)


def test_a_caption_that_is_true_of_more_images_is_not_held_against_them() -> None:
    logits = torch.full((2, 2), 9.0)
    assert caption_loss(logits, torch.ones(2, 2, dtype=torch.bool)) == pytest.approx(math.log(2))
    sure = torch.tensor([[9.0, -9.0], [-9.0, 9.0]])
    assert caption_loss(sure, torch.eye(2, dtype=torch.bool)) < caption_loss(sure, torch.ones(2, 2, dtype=torch.bool))


def test_features_are_taken_out_of_an_output_object() -> None:
    class Output:
        pooler_output = torch.ones(2)

    assert features(Output()) is Output.pooler_output
    assert features(Output.pooler_output) is Output.pooler_output


COLOURS = {"red": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "blue": (0.0, 0.0, 1.0)}


class TwoTowers(nn.Module):
    """The least model with two towers: means of channels, means of word vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.images = nn.Linear(3, 4)
        self.words = nn.Embedding(4, 4)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def get_image_features(self, pixel_values: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.images(pixel_values.mean((2, 3)))
        return result

    def get_text_features(self, input_ids: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.words(input_ids).mean(1)
        return result


def tokenize(texts: object) -> dict[str, torch.Tensor]:
    return {"input_ids": torch.tensor([[list(COLOURS).index(str(text))] for text in texts])}  # type: ignore[attr-defined]


def batches(seed: int = 0) -> Iterator[ContrastiveBatch]:
    generator = torch.Generator().manual_seed(seed)
    names = list(COLOURS)
    while True:
        classes = torch.randint(0, 3, (8,), generator=generator)
        base = torch.tensor(list(COLOURS.values()))[classes]
        pixels = base[:, :, None, None] + 0.1 * torch.randn(8, 3, 4, 4, generator=generator)
        yield ContrastiveBatch(
            pixels,
            [names[i] for i in classes],
            classes[:, None] == classes[None, :],
            [names],
            [nn.functional.one_hot(classes, 3).bool()],
            {"colour": classes, "odd": torch.where(classes == 1, -1, classes)},
        )


def trained(seed: int, weights: Weights | None = None) -> tuple[TwoTowers, list[float]]:
    torch.manual_seed(seed)
    model, seen = TwoTowers(), list[float]()
    train_contrastive(
        Towers(model, tokenize, model.scale.exp, 4),
        batches(),
        Schedule(120, 3e-2),
        heads={"colour": 3, "odd": 3},
        weights=weights,
        progress=lambda step, steps, loss: seen.append(loss),
    )
    return model, seen


def test_training_pairs_texts_with_their_images() -> None:
    model, seen = trained(0)
    assert not model.training
    assert len(seen) == 120
    assert seen[-1] < 0.8 * seen[0]
    batch = next(batches(5))
    with torch.inference_mode():
        images = nn.functional.normalize(model.get_image_features(batch.pixels), dim=1)
        texts = nn.functional.normalize(model.get_text_features(**tokenize(list(COLOURS))), dim=1)
    chosen = (images @ texts.T).argmax(1)
    assert chosen.tolist() == batch.prompt_fits[0].int().argmax(1).tolist()


def test_equal_seeds_give_equal_weights() -> None:
    first, second = trained(3)[0].state_dict(), trained(3)[0].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("alone", [Weights(1, 0, 0), Weights(0, 1, 0)])
def test_each_loss_teaches_by_itself(alone: Weights) -> None:
    _, seen = trained(1, alone)
    assert seen[-1] < 0.8 * seen[0]


class Channels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 3)

    def forward(self, pixel_values: torch.Tensor) -> object:
        class Output:
            logits = self.head(pixel_values.mean((2, 3)))

        return Output


def test_a_classifier_learns_and_is_left_in_evaluation_mode() -> None:
    torch.manual_seed(0)
    model, seen = Channels(), list[float]()
    pairs = ((batch.pixels, batch.attributes["colour"]) for batch in batches())
    train_classifier(model, pairs, Schedule(150, 5e-2), progress=lambda step, steps, loss: seen.append(loss))
    assert len(seen) == 150
    assert seen[-1] < 0.5 * seen[0]
    assert not model.training
