"""Training loops. They take models and batches, and know no data of their own."""
