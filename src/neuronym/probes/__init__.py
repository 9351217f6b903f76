"""Probe images: stable ids from any container, decoded robustly, split into explain and test, with label tables.

``index`` makes a :class:`ProbeSet` of folders, lists, array files, archives, datasets and tar shards;
``ProbeSet.restore`` makes one of the records that a study has stored.
"""

from __future__ import annotations

from neuronym.probes.decode import UnreadableImageError
from neuronym.probes.opening import open_source
from neuronym.probes.probe_set import ProbeSet, index
from neuronym.probes.sources import Member, Source

__all__ = ["Member", "ProbeSet", "Source", "UnreadableImageError", "index", "open_source"]
