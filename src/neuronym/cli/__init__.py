"""The command line: one file per verb."""

from __future__ import annotations

from neuronym.cli.app import main

__all__ = ["main"]
