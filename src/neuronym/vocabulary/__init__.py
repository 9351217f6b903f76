"""Concept vocabularies: asking a language model about every class, reading its replies, checking and joining."""
