"""What a figure was measured on: what its seconds depend on, and the versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

import torch

from neuronym.records import Json

_PACKAGES = ("neuronym", "numpy", "numba", "transformers")


def environment() -> dict[str, Json]:
    """Versions, processor, cores, threads and load; nothing that tells whose machine it is.

    Keys: each package's version; ``python``, ``system``, ``machine`` (architecture), ``processor`` (its model),
    ``cores``, ``threads`` (of torch), ``OMP_WAIT_POLICY`` (empty where it is not set), and ``load``, the mean number of
    running processes over the last minute, None where the system does not tell.
    """
    return {
        "torch": str(torch.__version__),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", ""),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _processor(described: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's model, or its architecture where the system does not tell more."""
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, names), platform.processor() or platform.machine())
