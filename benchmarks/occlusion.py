"""occlusion-vocab on units of two layers at 224 px, against the plain loop over units and images.

The plain loop covers an exemplar for one unit of one layer: full passes of the whole network in batches, field, mask,
patch, encoding, each pair by itself. It is timed on a sample of pairs and extrapolated to all. Sharing is what the
overlap of exemplars allows, one copy of each distinct image at each place, over the copies that were passed. The limit
of the ratio is pairs over distinct images, times the ratio of multiply-adds of full passes and of boxes; what the plain
loop computes beyond the layer, and its encodings, come on top of it.

    python benchmarks/occlusion.py [--network squeezenet1_1] [--images 24] [--units 20] [--stride 12] [--pairs 20]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import nn

from common import store
from neuronym import plugins
from neuronym.backends import ImageTextEncoder
from neuronym.execute.devices import Running
from neuronym.explain.concepts import ConceptSet
from neuronym.explain.explainer import Occluding as Covers
from neuronym.functional.occlusion import field_mask, receptive_field
from neuronym.probes.sources import Member
from neuronym.records import Unit
from neuronym.regions.incremental import Occluding
from neuronym.regions.occlusion import places
from neuronym.store.layer_view import LayerView
from neuronym.study import Study
from neuronym.targets.preprocessing import Preprocessing
from neuronym.targets.target import Target

LAYERS = {"squeezenet1_1": ("features.7", "features.12"), "resnet18": ("layer2", "layer4")}
CONCEPTS = ["circle", "red object", "star", "on the sea", "a written word", "striped object"]
BATCH = 32


class Scenes:
    """Scenes of the world, enlarged to the network's side."""

    name = "scenes"

    def __init__(self, images: int, side: int) -> None:
        from neuronym.world.render import render
        from neuronym.world.scenes import draw_scenes

        small = [Image.fromarray(one) for one in render(draw_scenes(5, range(images)))[0]]
        self._images = [np.asarray(one.resize((side, side), Image.Resampling.BICUBIC)) for one in small]

    def members(self) -> list[Member]:
        return [Member(str(index), None) for index in range(len(self._images))]

    def read(self, member: str) -> np.ndarray:
        return self._images[int(member)]


def target(name: str) -> Target:
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None).eval()
    unit = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return Target(name, "random", model, Preprocessing("none", None, (224, 224), "nearest", "unit", *unit))


def plain_pair(study: Study, method: Any, encoder: ImageTextEncoder, layer: str, unit: int, image: int) -> float:
    """Seconds of one unit and one image by themselves."""
    began, network = time.perf_counter(), study.target
    pixels = network.preprocessing.apply(study.probe_set.load(image))
    boxes = places(method.occlusion_rule, (pixels.shape[1], pixels.shape[2]))
    found: list[torch.Tensor] = []
    hook = network.model.get_submodule(layer).register_forward_hook(
        lambda module, given, maps: found.append(maps[:, unit].amax((1, 2)))
    )
    with torch.inference_mode():
        network.model(pixels[None])
        for some in boxes.split(BATCH):
            batch = pixels.repeat(len(some), 1, 1, 1)
            for copy, (left, top, right, bottom) in zip(batch, some.tolist(), strict=True):
                copy[:, top:bottom, left:right] = 0
            network.model(batch)
    hook.remove()
    values = torch.cat(found)
    mask = field_mask(receptive_field((values[1:] - values[0]).abs(), boxes, (224, 224)), "half").numpy()
    picture = np.asarray(study.probe_set.load(image)) * mask[:, :, None]
    rows = encoder.encode_images([Image.fromarray(picture.astype(np.uint8))])
    assert (rows @ encoder.encode_texts(CONCEPTS).T).shape == (1, len(CONCEPTS))
    return time.perf_counter() - began


def counting(model: nn.Module) -> list[int]:
    """The sizes of the batches that go into the network's first convolution from now on."""
    sizes: list[int] = []
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    first.register_forward_pre_hook(lambda module, given: sizes.append(given[0].shape[0]))
    return sizes


def flop_share(study: Study, view: LayerView, rule: Any) -> float:
    """The multiply-adds of passes on boxes to the deeper layer, over those of full passes."""
    pixels = study.target.preprocessing.apply(view.image(0))
    running = Running.chosen("cpu", "float32")
    with (
        running.prepared(study.target.model, pixels[None]) as settled,
        Occluding(study.target, study.layers, settled, "max", 64) as occluding,
    ):
        return occluding.share(pixels, places(rule, (224, 224)), torch.zeros_like(pixels), [0, 1])


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    names = LAYERS[arguments.network]
    study = Study.create(
        folder / "s", model=target(arguments.network), layers=names, images=[Scenes(arguments.images, 224)], top_k=10
    )
    study.probe(device="cpu")
    encoder = plugins.encoder("bundled:clip", torch.device("cpu"))
    settings = {"stride": str(arguments.stride)}
    views = [study.view(name) for name in names]
    method = plugins.make_method("occlusion-vocab", settings, ConceptSet.of(CONCEPTS), encoder)
    assert isinstance(method, Covers)
    chosen = [list(range(arguments.units))] * len(names)
    pairs = [
        (view.layer.name, int(unit), int(image))
        for view, units in zip(views, chosen, strict=True)
        for image, unit in zip(
            *method.occluded_images([Unit(view.layer.name, one) for one in units], view), strict=True
        )
    ]
    images, count = {image for _, _, image in pairs}, len(places(method.occlusion_rule, (224, 224)))
    sizes = counting(study.target.model)
    began = time.perf_counter()
    study.explain(
        "occlusion-vocab", concepts=CONCEPTS, encoder=encoder, units=chosen[0], settings={"stride": arguments.stride},
        device="cpu",
    )  # fmt: skip
    ours, passed = time.perf_counter() - began, sum(sizes)
    sample = np.random.default_rng(0).permutation(len(pairs))[: arguments.pairs]
    plain = [plain_pair(study, method, encoder, *pairs[at]) for at in sample]
    share = flop_share(study, views[-1], method.occlusion_rule)
    whole = float(np.mean(plain)) * len(pairs)
    return {
        "network": arguments.network,
        "layers": names,
        "pairs": len(pairs),
        "distinct_images": len(images),
        "places": count,
        "passed": passed,
        "sharing": len(images) * count / passed,
        "seconds": ours,
        "plain_seconds_per_pair": {"mean": float(np.mean(plain)), "lowest": min(plain), "highest": max(plain)},
        "plain_seconds": whole,
        "ratio": whole / ours,
        "flop_share": share,
        "limit": len(pairs) / len(images) / share,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="squeezenet1_1", choices=list(LAYERS))
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--units", type=int, default=20)
    parser.add_argument("--stride", type=int, default=12)
    parser.add_argument("--pairs", type=int, default=20)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(parser.parse_args(), Path(folder))
    print(
        f"{found['pairs']} pairs of {found['distinct_images']} images, {found['places']} places: {found['passed']} "
        f"copies passed, {found['sharing']:.0%} of what sharing allows; {found['seconds']:.1f} s, the plain loop "
        f"{found['plain_seconds']:.0f} s: {found['ratio']:.1f} times (limit {found['limit']:.1f})"
    )
    store("occlusion", found)


if __name__ == "__main__":
    main()
