"""Foundation models behind small protocols: so far encoders that put images and texts into one space.

The modules that load them import their frameworks when asked to load, so that importing this package stays cheap.
"""

from __future__ import annotations

from neuronym.backends.encoder import EncoderLoader, ImageTextEncoder, encode_prompts

__all__ = ["EncoderLoader", "ImageTextEncoder", "encode_prompts"]
