"""Which units and images the benchmark is about; figures of one version can be compared.

Raise it with every change of the hosts' images, units or networks, and then run ``python benchmarks/freeze.py``.
"""

VERSION = "1"
