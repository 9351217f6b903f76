"""Foundation models behind small protocols: encoders of images and texts, of texts alone, and image generators.

The modules that load them import their frameworks when asked to load, so that importing this package stays cheap.
"""

from __future__ import annotations

from neuronym.backends.encoder import EncoderLoader, ImageTextEncoder, encode_prompts
from neuronym.backends.generator import GeneratorLoader, ImageGenerator

__all__ = ["EncoderLoader", "GeneratorLoader", "ImageGenerator", "ImageTextEncoder", "encode_prompts"]
