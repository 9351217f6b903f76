"""Foundation models behind small protocols: encoders of images and texts, of texts alone, image generators, language
models.

The modules that load them import their frameworks when asked to load, so that importing this package stays cheap.
"""

from __future__ import annotations

from neuronym.backends.encoder import EncoderLoader, ImageTextEncoder, encode_prompts
from neuronym.backends.generator import GeneratorLoader, ImageGenerator
from neuronym.backends.language_model import LanguageModel, LanguageModelLoader, Message, Reply, Sampling, with_retries

__all__ = [
    "EncoderLoader",
    "GeneratorLoader",
    "ImageGenerator",
    "ImageTextEncoder",
    "LanguageModel",
    "LanguageModelLoader",
    "Message",
    "Reply",
    "Sampling",
    "encode_prompts",
    "with_retries",
]
