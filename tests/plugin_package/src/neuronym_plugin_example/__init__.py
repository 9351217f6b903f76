"""A model, an encoder and a method for Neuronym, all about eight colours."""
