"""The folder of a new study, or of one that goes on, and its activation pass."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from neuronym.activations.activation_pass import PassOptions, run_pass
from neuronym.activations.collector import array_names
from neuronym.asking import labels_key, target_entry
from neuronym.execute.devices import Running
from neuronym.materials import Materials, strings_of
from neuronym.probes.probe_set import ProbeSet
from neuronym.records import Json, LayerInfo, Summary
from neuronym.store.manifest import Manifest
from neuronym.store.study_store import PROBE, StudyStore, layer_entry
from neuronym.targets.target import Target


def specification(
    target: Target,
    layers: Sequence[LayerInfo],
    probe: ProbeSet,
    size: tuple[int, int],
    summaries: Sequence[str],
    top_k: int,
    precision: str,
) -> dict[str, Json]:
    """What a study is: everything that changes what is kept of its images.

    Args:
        target: the model.
        layers: of it.
        probe: the images.
        size: (height, width) of the model's input.
        summaries: what is kept of each image and unit.
        top_k: exemplars per unit.
        precision: of the forward pass.
    """
    return {
        "target": target_entry(target),
        "layers": [layer_entry(layer) for layer in layers],
        "probe": {"images": len(probe), "fingerprint": probe.fingerprint, "labels": labels_key(probe.labels)},
        "summaries": sorted({"mean", "max", *summaries}),
        "top_k": top_k,
        "precision": precision,
        "input": list(size),
    }


def new_store(
    place: Path, spec: dict[str, Json], made: dict[str, Json], probe: ProbeSet, *, overwrite: bool
) -> StudyStore:
    """The folder of a new study.

    Args:
        place: where.
        spec: what it is; see :func:`specification`.
        made: where it comes from; see :func:`neuronym.asking.provenance`.
        probe: the images.
        overwrite: delete the study that is there.

    Raises:
        StudyError: the study there cannot be deleted, or the new one cannot be written.
    """
    if overwrite:
        StudyStore.remove(place)
    return StudyStore.create(place, Manifest(spec, made), probe.images, probe.skipped, probe.labels)


def resumed_store(place: Path, made: dict[str, Json], probe: ProbeSet) -> StudyStore:
    """The folder of a study that goes on: what is missing of its tables is filled in, and what has moved is recorded.

    Args:
        place: where; :func:`~neuronym.asking.check_same` has found nothing else there.
        made: where it comes from now.
        probe: its images, where they are now.

    Raises:
        StudyError: the folder cannot be written.
    """
    store = StudyStore(place)
    store.fill_in(probe.images, probe.skipped, probe.labels)
    store.relocate(probe.images, {name: made[name] for name in ("weights", "asked_model", "asked_weights", "sources")})
    return store


def probe_study(
    store: StudyStore, materials: Materials, running: Running, batch_size: int, workers: int | None, save_seconds: float
) -> None:
    """Make the activation pass of a study, or what is missing of it; see :meth:`neuronym.study.Study.probe`.

    Raises:
        NonFiniteError: a layer gave NaN or infinity.
        UserError: an image has gone, or the study cannot be written.
    """
    summaries, top_k = strings_of(store.manifest.spec, "summaries"), store.top_k
    options = PassOptions(cast("tuple[Summary, ...]", tuple(summaries)), top_k, batch_size, workers, save_seconds)
    arrays = [store.arrays(layer.name) for layer in store.layers]
    with store.lock():
        if store.is_done(PROBE):
            # Some table was removed since. A checkpoint that a kill left behind would skip it.
            store.clear_checkpoint()
        with store.stage(PROBE, store.manifest.key, len(store.images)):
            run_pass(
                materials.target,
                store.layers,
                materials.probe_set,
                arrays,
                store.checkpoint,
                running,
                options,
                lambda done, count: materials.report("activation pass", done, count),
            )
        store.clear_checkpoint()


def is_probed(store: StudyStore) -> bool:
    """Whether the activation pass is done and every table of it is there: what was damaged may have been removed."""
    if not store.is_done(PROBE):
        return False
    counts = {split: sum(image.split == split for image in store.images) for split in ("explain", "test")}
    summaries = strings_of(store.manifest.spec, "summaries")
    return all(
        arrays.has(name) and bool(arrays.written(name).all())
        for layer in store.layers
        for arrays in [store.arrays(layer.name)]
        for name in array_names(layer, summaries, counts)
    )
