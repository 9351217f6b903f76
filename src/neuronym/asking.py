"""What a study is asked for: whether it may be made, from what, and whether it is the same as one that is there."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from neuronym import plugins
from neuronym.errors import MethodError, NeuronymWarning, StudyError, TargetError, UserError, unknown_name
from neuronym.execute.devices import Precision
from neuronym.explain.concepts import ConceptSet, read_concepts
from neuronym.explain.explainer import Occluding, needs_annotations
from neuronym.probes.annotations import find_annotations
from neuronym.probes.probe_set import Given, ProbeSet
from neuronym.records import Grid, Json, LabelTable, LayerInfo, MaskRule, OcclusionRule, Summary, Tokens, digest
from neuronym.regions.occlusion import places
from neuronym.store import manifest as manifests
from neuronym.store.atomic import guarded
from neuronym.store.layer_view import LEVELS
from neuronym.store.mask_tables import not_annotated
from neuronym.targets.layers import select as select_layers
from neuronym.targets.target import Target
from neuronym.targets.weights import is_path

if TYPE_CHECKING:
    from neuronym.explain.explainer import Explainer


def check_place(place: Path, *, resume: bool, overwrite: bool) -> bool:
    """Whether a study is there, after making sure that it may be touched, and read if it is to go on."""
    if resume and overwrite:
        raise UserError("--resume and --overwrite exclude each other. Give one of them.")
    with guarded(place, "look for a study"):
        exists = manifests.is_study(place)
        taken = not exists and place.exists() and (not place.is_dir() or any(place.iterdir()))
    if exists and not (resume or overwrite):
        raise StudyError(
            f"There is a study at {str(place)!r} already. Go on with it by --resume, replace it by --overwrite, or "
            "choose another --out."
        )
    if taken:
        raise StudyError(f"There is something else than a study at {str(place)!r}. Choose another --out.")
    if exists and resume:
        manifests.read(place)
    return exists


def check_options(
    *,
    tokens: str | None = None,
    prefix_tokens: int | None = None,
    summaries: Sequence[str] = (),
    top_k: int = 1,
    precision: str = "float32",
) -> None:
    """Raise where one of the choices of a study is none that there is."""
    asked = [("--tokens", tokens, get_args(Tokens))] if tokens is not None else []
    asked += [("--summaries", summary, get_args(Summary)) for summary in summaries]
    asked += [("--precision", precision, get_args(Precision))]
    for option, value, known in asked:
        if value not in known:
            raise UserError(f"{option} got {value!r}. Use {', '.join(known[:-1])} or {known[-1]}.")
    for option, number, least in (("--top-k", top_k, 1), ("--prefix-tokens", prefix_tokens or 0, 0)):
        if number < least:
            raise UserError(f"{option} got {number}. Give at least {least}.")


def absolute_weights(weights: str | None) -> str | None:
    """A choice of weights that means the same in any folder."""
    return str(Path(weights).expanduser().absolute()) if weights is not None and is_path(weights) else weights


def choose_target(model: str | Target, weights: str | None, overrides: Mapping[str, str | None]) -> Target:
    """The model that was asked for, with the parts of its preprocessing that were overridden."""
    target = _load(model, weights) if isinstance(model, str) else model
    given = {key: value for key, value in overrides.items() if value is not None}
    if not given:
        return target
    changed = target.preprocessing.overridden(**given)
    same = changed.input_size((224, 224)) == target.preprocessing.input_size((224, 224))
    # What is known of the grid of tokens holds for the former size of the input only.
    return replace(target, preprocessing=changed, token_info=target.token_info if same else None)


def _load(model: str, weights: str | None) -> Target:
    try:
        return plugins.target(model, weights)
    except TargetError as error:
        # What is no prefix is taken for a module, which a misspelt prefix is not.
        prefix = model.partition(":")[0]
        near = get_close_matches(prefix, set(plugins.installed("target")) - {"module", prefix}, n=1, cutoff=0.7)
        if isinstance(error.__cause__, ModuleNotFoundError) and error.__cause__.name == prefix and near:
            raise TargetError(f"{error} If a prefix was meant, the nearest is {near[0] + ':'!r}.") from error
        raise


def choose_concepts(
    given: str | Path | ConceptSet | Sequence[str] | None, labels: LabelTable | None
) -> ConceptSet | None:
    """The concepts in the user's words: a file, ``labels``, ``labels:GROUP``, texts or a concept set."""
    if given is None or isinstance(given, ConceptSet):
        return given
    return read_concepts(given, labels) if isinstance(given, str | Path) else ConceptSet.of(given)


def check_summary(method: str, summary: str, kept: Sequence[str]) -> None:
    """Raise unless a study keeps the summary that a method looks at; mean and max are always kept."""
    if summary not in get_args(Summary):
        raise unknown_name("summary", summary, get_args(Summary))
    if summary not in {"mean", "max", *kept}:
        raise MethodError(
            f"The method {method} looks at the summary {summary!r}, which the study does not keep. Make it with "
            f"--summaries mean,max,{summary}."
        )


def check_rule(rule: MaskRule | None) -> None:
    """Raise unless the quantile of a rule for masks is one that studies store."""
    if rule is not None and rule.quantile is not None and rule.quantile not in LEVELS:
        raise unknown_name("stored quantile", str(rule.quantile), map(str, LEVELS))


def check_occluder(rule: OcclusionRule | None, size: Grid) -> None:
    """Raise unless the occluder of a rule fits an input of (height, width).

    Raises:
        MethodError: it is larger.
    """
    if rule is not None:
        places(rule, size)


def check_exemplars(method: Explainer, settings: Mapping[str, Any], kept: int) -> None:
    """Raise if a method that covers images was told to look at more exemplars of a unit than a study keeps.

    Args:
        method: with its parameters; where the user did not choose how many, it looks at those that there are.
        settings: the parameters that the user chose.
        kept: exemplars per unit of the study.

    Raises:
        MethodError: it was told to.
    """
    asked = getattr(method, "exemplars", None) if "exemplars" in settings else None
    if isinstance(method, Occluding) and isinstance(asked, int) and asked > kept:
        raise MethodError(
            f"{method.name} got exemplars={asked}, but the study keeps {kept} per unit. Give a smaller number, or make "
            f"a study with --top-k {asked}."
        )


def check_annotations(method: Explainer | None, given: str | Path | None, probe: ProbeSet) -> None:
    """Raise now what annotating images would raise after a long pass over them: masks are found, and not yet read.

    Args:
        method: which may need annotations.
        given: where they are; None for what the images' own sources know.
        probe: the images.

    Raises:
        MethodError: nothing is annotated, and the method needs it.
        ProbeError: there are no such annotations, or they cannot be read.
    """
    if given is None and not needs_annotations(method):
        return
    if find_annotations(None if given is None else Path(given).expanduser().absolute(), probe) is None:
        raise not_annotated()


_FOR_ANY = {
    "encoder": "encoder for them, for example --encoder hf:openai/clip-vit-base-patch16",
    "image generator": "image generator for them",
}


def warn_of_domain(backend: object, sources: Sequence[str], kind: str = "encoder") -> None:
    """Warn where a backend that knows only some images meets others."""
    domain = getattr(backend, "domain", None)
    foreign = [] if domain is None else [source for source in sources if not source.startswith(domain)]
    if foreign:
        warnings.warn(
            f"The {kind} {getattr(backend, 'name', backend)} knows only images of {domain}, and nothing of those of "
            f"{foreign[0]!r}: what it says of them means little. Choose an {_FOR_ANY[kind]}.",
            NeuronymWarning,
            stacklevel=2,
        )


def check_units(layers: Sequence[LayerInfo], units: Sequence[int] | None) -> None:
    """Raise unless every layer has all these units."""
    if units is not None and not units:
        raise UserError("No units were asked for. Leave the units out for all of them.")
    for layer in layers:
        lacking = [unit for unit in units or () if not 0 <= unit < layer.units]
        if lacking:
            raise UserError(f"The layer {layer.name!r} has no unit {lacking[0]}; it has {layer.units}, counted from 0.")


def select_early(
    target: Target, layers: Sequence[str], tokens: Tokens | None, prefix_tokens: int | None
) -> list[LayerInfo] | None:
    """The layers, before thousands of images are read, where the input's size does not depend on the images."""
    if not layers:
        raise UserError("No layers were given. Name some with --layers; `neuronym layers` lists them.")
    fixed = {target.preprocessing.input_size(size) for size in ((200, 300), (300, 200), (64, 64))}
    return None if len(fixed) > 1 else select_layers(target, layers, tokens=tokens, prefix_tokens=prefix_tokens)


def image_places(given: Sequence[Given] | Given) -> list[Given]:
    """Paths that lead to the same place from any folder, and the sources that names such as ``bundled:world`` mean."""
    several = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    return [_image_place(one) for one in several]


def source_names(given: Sequence[Given] | Given) -> list[str]:
    """How a study records where images come from."""
    return [one if isinstance(one, str) else str(getattr(one, "name", one)) for one in image_places(given)]


def _image_place(one: Given) -> Given:
    if not isinstance(one, str | Path):
        return one
    source = plugins.image_source(str(one))
    return str(Path(one).expanduser().absolute()) if source is None else source


def labels_key(labels: LabelTable | None) -> str | None:
    """Equal for label tables that say the same."""
    if labels is None:
        return None
    values = hashlib.sha256(np.ascontiguousarray(labels.values).data).hexdigest()
    return digest([list(labels.concepts), list(labels.groups), values])


def target_entry(target: Target) -> dict[str, Json]:
    """A target as it stands in the spec of a study.

    Its weights do not tell a stride from another or a ReLU from a leaky one, so its modules are told by their names and
    settings as PyTorch prints them. What a module's ``forward`` does with them is not covered.
    """
    shown = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(target.model))  # where an object lies differs from run to run
    entry = {key: value for key, value in target.spec().items() if key != "weights"}
    return {**entry, "structure": digest(shown)}


def check_same(place: Path, there: Mapping[str, Json], asked: Mapping[str, Json]) -> None:
    """Raise unless the study that is there was asked for in the same way."""
    different = list(_differences("", there, asked))
    if different:
        raise StudyError(
            f"The study at {str(place)!r} was made otherwise and cannot go on: {'; '.join(different[:3])}"
            f"{' ...' if len(different) > 3 else ''}. Ask as before, or choose another --out, or --overwrite it."
        )


_CHOICES = {
    "target.name": "the model",
    "target.preprocessing.resize": "the way to resize",
    "target.preprocessing.size": "the size",
    "layers": "the layers",
    "probe.images": "the number of images",
    "top_k": "the number of exemplars",
    "input": "the size of the input",
}
"""Words for what a spec holds, where its own are unclear."""

_HASHED = {
    "target.weights_hash": "the weights changed",
    "target.structure": "the modules of the model changed",
    "probe.fingerprint": "the images or their split changed",
    "probe.labels": "the labels of the images changed",
}
"""What is said of differences between hashes, which tell nobody anything."""


def _differences(path: str, there: Any, asked: Any) -> list[str]:
    if isinstance(there, Mapping) and isinstance(asked, Mapping):
        keys = dict.fromkeys([*asked, *there])
        inner = [(f"{path}.{key}".lstrip("."), there.get(key), asked.get(key)) for key in keys]
        found = [text for part in inner for text in _differences(*part)]
        if path == "probe":  # other images make another split and other labels: the first says it all
            found = sorted(found, key=lambda text: text in _HASHED.values())[:1]
        if path == "target" and _HASHED["target.weights_hash"] in found:  # and so has the rest of the model
            found = [text for text in found if text != _HASHED["target.structure"]]
        return found
    if there == asked:
        return []
    if path in _HASHED:
        return [_HASHED[path]]
    if path == "layers":
        there, asked = _layer_names(there), _layer_names(asked)
        if there == asked:
            return ["the shapes or the tokens of the layers changed"]
    what = _CHOICES.get(path, f"the {path.rpartition('.')[2]}")
    return [f"{what} changed from {_words(there)} to {_words(asked)}"]


def _layer_names(layers: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{layer['path']}{':after' if layer['after'] else ''}" for layer in layers]


def _words(value: object) -> str:
    if isinstance(value, list):
        size = len(value) == 2 and all(isinstance(one, int) for one in value)
        return ("x" if size else ", ").join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def lasting_name(name: str) -> str:
    """A model's name that means the same from any folder: the path of a Hugging Face folder becomes absolute."""
    prefix, colon, rest = name.partition(":")
    path = rest if colon and prefix == "hf" else name
    return f"hf:{Path(path).expanduser().absolute()}" if path and Path(path).expanduser().is_dir() else name


def provenance(target: Target, asked_weights: str | None, probe: ProbeSet) -> dict[str, Json]:
    """Where a study comes from; no part of what identifies it.

    Args:
        target: the model.
        asked_weights: what its loader is to be given to load it again; None for nothing.
        probe: the images.
    """
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": manifests.versions(),
        "weights": target.weights,
        "asked_model": lasting_name(target.name),
        "asked_weights": asked_weights,
        "sources": list(probe.sources),
        "duplicates": probe.duplicates,
        "skipped": len(probe.skipped),
        "notes": list(probe.notes),
    }
