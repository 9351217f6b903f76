"""Names in a report tell nothing of its maker's disk."""

from __future__ import annotations

import pytest

from neuronym.present.names import last_part


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/home/ada/photos/", "photos"),
        ("photos/cats.zip", "cats.zip"),
        ("C:\\Users\\ada\\words.txt", "words.txt"),
        ("bundled:world/test/300", "bundled:world/test/300"),
        ("hf:openai/clip-vit-base-patch16", "hf:openai/clip-vit-base-patch16"),
        ("hf:/home/ada/models/clip", "hf:clip"),
        ("encoder:hf:~/models/clip", "encoder:hf:clip"),
        ("encoder:bundled:align", "encoder:bundled:align"),
        ("labels:class", "labels:class"),
        ("hf:../clip", "hf:clip"),
        ("open_clip:ViT-B-32/openai", "open_clip:ViT-B-32/openai"),
        ("/", "/"),
        ("", ""),
    ],
)
def test_the_last_part(name: str, shown: str) -> None:
    assert last_part(name) == shown
