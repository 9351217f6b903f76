"""Target models: loading them, their preprocessing with its geometry, their layers, and hooks that record these."""
