"""The methods that describe units: one file each, behind one protocol."""
