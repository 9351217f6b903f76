"""The study folder: manifest, atomic writes, arrays, tables, queries and the view on one layer; no torch."""
