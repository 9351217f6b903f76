"""The eight corners of the RGB cube and their names."""

from __future__ import annotations

import numpy as np

NAMES = ("black", "blue", "green", "cyan", "red", "magenta", "yellow", "white")

CORNERS = np.array([[i >> 2 & 1, i >> 1 & 1, i & 1] for i in range(8)], dtype=np.float32)
"""Float32 [8, 3]: red, green and blue of every name, 0 or 1."""
