"""The page on which people rate descriptions without knowing whose they are."""
