"""The benchmark of methods on planted units: hosts of units whose truth is known, rows of labels, gates."""
