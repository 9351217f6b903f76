"""The activation pass: all probe images once through the target, for every asked layer at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from neuronym.activations import Progress, silent
from neuronym.activations.batches import cut, input_size, load_batches
from neuronym.activations.checkpoint import Checkpoint
from neuronym.activations.collector import CHUNK, LayerCollector
from neuronym.activations.writer import ChunkWriter
from neuronym.execute.devices import Running
from neuronym.probes.probe_set import ProbeSet
from neuronym.records import LayerInfo, Split, Summary
from neuronym.store.arrays import Arrays
from neuronym.targets.hooks import Run, recording
from neuronym.targets.target import Target

CALIBRATION_IMAGES = 16
"""The first explain images, on which the quantiles' buckets are laid out, whatever the batch size."""


@dataclass(frozen=True)
class PassOptions:
    """How a pass goes.

    Attributes:
        summaries: what is kept of every image; ``mean`` and ``max`` are always among them.
        top_k: exemplars per unit, for mean and for max.
        batch_size: images per forward pass.
        workers: threads that decode images; None for as many as cores, at most 8.
        save_seconds: how often the statistics are saved.
    """

    summaries: tuple[Summary, ...] = ("mean", "max")
    top_k: int = 20
    batch_size: int = 32
    workers: int | None = None
    save_seconds: float = 60.0


def run_pass(
    target: Target,
    layers: Sequence[LayerInfo],
    probe: ProbeSet,
    arrays: Sequence[Arrays],
    scratch: Path,
    running: Running,
    options: PassOptions | None = None,
    progress: Progress = silent,
) -> None:
    """Pass all images and write what is kept of each layer, going on where an earlier pass was interrupted.

    First the explain images, of which statistics are taken, then the test images. Memory does not grow with the number
    of images. A pass that was killed and goes on writes the same as one that was not.

    Args:
        target: the model.
        layers: from :func:`neuronym.targets.layers.select`.
        probe: the images.
        arrays: one per layer, where its tables go.
        scratch: a folder for checkpoints; the caller removes it when all is recorded as done.
        running: device, precision and memory layout.
        options: see :class:`PassOptions`.
        progress: told the images done and all.

    Raises:
        NonFiniteError: a layer gave NaN or infinity; the message names it.
        ProbeError: an image cannot be read any more.
        StudyError: the tables cannot be written.
    """
    options = options or PassOptions()
    sample = torch.zeros(2, 3, *input_size(probe, target.preprocessing))
    with running.prepared(target.model, sample) as settled, ChunkWriter(arrays) as writer:
        work = _Pass(target, layers, probe, writer, Checkpoint(scratch), settled, options, progress)
        with recording(target, layers, work.sink) as run:
            work.go(run)


class _Pass:
    """The state of one pass. The sink is told by ``_take`` what to do with the activations of the batch that runs."""

    def __init__(
        self,
        target: Target,
        layers: Sequence[LayerInfo],
        probe: ProbeSet,
        writer: ChunkWriter,
        checkpoint: Checkpoint,
        running: Running,
        options: PassOptions,
        progress: Progress,
    ) -> None:
        self._target, self._probe, self._running, self._options = target, probe, running, options
        self._writer, self._checkpoint, self._progress = writer, checkpoint, progress
        self._counts: dict[str, int] = {"explain": probe.count("explain"), "test": probe.count("test")}
        self._collectors = [LayerCollector(layer, options.summaries, options.top_k, running.device) for layer in layers]
        self._take: Callable[[int, Tensor], None] | None = None
        self._saved, self._pause = time.monotonic(), options.save_seconds

    def sink(self, position: int, activations: Tensor) -> None:
        assert self._take is not None
        self._take(position, activations)

    def go(self, run: Run) -> None:
        position = self._checkpoint.read()
        for collector, arrays in zip(self._collectors, self._writer.arrays, strict=True):
            collector.create(arrays, self._counts)
        if position.split == "explain":
            if position.statistics is None:
                self._calibrate(run)
            else:
                states = self._checkpoint.states(position, len(self._collectors))
                for collector, state in zip(self._collectors, states, strict=True):
                    collector.restore(state)
            self._pass_split(run, "explain", position.done)
            self._finish_explain()
        self._pass_split(run, "test", position.done if position.split == "test" else 0)
        self._writer.flush()

    def _calibrate(self, run: Run) -> None:
        count = min(CALIBRATION_IMAGES, self._counts["explain"])
        self._take = lambda position, activations: self._collectors[position].calibrate(activations)
        for _, batch in load_batches(self._probe, self._target.preprocessing, [range(count)], self._options.workers):
            run(self._placed(batch))

    def _pass_split(self, run: Run, split: Split, start: int) -> None:
        first = 0 if split == "explain" else self._counts["explain"]
        count = self._counts[split]
        ranges = cut(start, count, self._options.batch_size, CHUNK)
        shifted = [range(first + part.start, first + part.stop) for part in ranges]
        loaded = load_batches(self._probe, self._target.preprocessing, shifted, self._options.workers)
        self._progress(first + start, sum(self._counts.values()))
        for images, (_, batch) in zip(ranges, loaded, strict=True):
            self._pass_batch(run, split, images, batch)
            self._progress(first + images.stop, sum(self._counts.values()))
            if images.stop % CHUNK == 0 or images.stop == count:
                self._write_chunk(split, images.stop)

    def _pass_batch(self, run: Run, split: Split, images: range, batch: Tensor) -> None:
        def take(position: int, activations: Tensor) -> None:
            self._collectors[position].take(activations, images, explain=split == "explain")

        self._take = take
        run(self._placed(batch))

    def _write_chunk(self, split: Split, stop: int) -> None:
        start = (stop - 1) // CHUNK * CHUNK
        chunks = (collector.chunk(split, stop - start) for collector in self._collectors)
        self._writer.write(start, dict(enumerate(chunks)))
        # The end of a split is recorded by what follows it.
        if time.monotonic() - self._saved > self._pause and stop < self._counts[split]:
            began = time.monotonic()
            self._writer.flush()
            if split == "test":
                self._checkpoint.move("test", stop)
            else:
                self._checkpoint.save(stop, [collector.state() for collector in self._collectors])
            self._saved = time.monotonic()
            # Where the statistics are large, saving them must not take more than a small part of the time.
            self._pause = max(self._options.save_seconds, 20 * (self._saved - began))

    def _finish_explain(self) -> None:
        for collector, arrays in zip(self._collectors, self._writer.arrays, strict=True):
            collector.write_statistics(arrays)
        self._writer.flush()
        self._checkpoint.move("test", 0)

    def _placed(self, batch: Tensor) -> Tensor:
        return batch.to(self._running.device, memory_format=self._running.memory_format, non_blocking=True)
