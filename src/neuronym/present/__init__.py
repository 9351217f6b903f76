"""What people look at: the static report of a study, its pages as data, and HTML for notebooks; no torch."""
