"""How the bundled checkpoints are made: which network, which scenes, how long; and what each then can."""
