"""The embedded world: small scenes of which everything is known, and the checkpoints that were trained on them."""
