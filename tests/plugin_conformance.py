"""Runs the three conformance suites on the example plug-in, which has to be installed: an own process of the tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch

import small_study
import tiny_models
from conformance.encoder_suite import check_encoder, check_equal_keys
from conformance.method_suite import check_method
from conformance.target_suite import check_target, check_unknown_name
from neuronym import plugins
from neuronym.explain.concepts import ConceptSet

COLOURS = ["a black dog", "blue", "green", "cyan", "red", "magenta", "yellow", "white and red"]


def main(folder: Path) -> None:
    """Every suite, through the entry points; says the name of each that passed."""
    os.environ["NEURONYM_CACHE"] = str(folder / "cache")
    check_target(lambda: plugins.target("blobs:colours"))
    check_target(lambda: plugins.target("blobs:colours"), ["detect", "detect:after", "pool"])
    load = plugins.installed("target")["blobs"].load()
    check_unknown_name(load, "colors")
    check_unknown_name(load, "colours", weights="random")
    print("target conforms")
    encoder, again = (plugins.encoder("histogram:rgb", torch.device("cpu")) for _ in range(2))
    check_encoder(encoder, tiny_models.images(), COLOURS)
    check_equal_keys(encoder, again, tiny_models.images(), COLOURS)
    print("encoder conforms")
    view = small_study.make_study(folder / "study", layers=("relu",)).probe(device="cpu").view("relu", "a-run")
    for settings in ({}, {"top": "3"}):
        method = plugins.make_method("most-similar-colour", settings, ConceptSet.of(COLOURS), encoder)
        check_method(method, view)
    print("method conforms")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
