"""What people look at: the static report of a study, its pages as data, and how records show in a notebook; no torch."""
