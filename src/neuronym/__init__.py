"""Neuronym gives every unit of a deep vision network a name you can check."""
