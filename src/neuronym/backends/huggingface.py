"""Image-text encoders from Hugging Face: CLIP, SigLIP, SigLIP 2 and every other model of two towers built like them.

``hf:openai/clip-vit-base-patch16`` is a model of the hub, fetched once and then read from the cache;
``hf:path/to/folder`` is a folder in the same format, as ``save_pretrained`` writes it. Code that comes with a model is
never run.

CLIP: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision". SigLIP: Zhai et al.
2023, "Sigmoid Loss for Language Image Pre-Training".
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import torch

from neuronym.backends.loading import check_complete, check_vocabulary, refusals, source_of
from neuronym.backends.tensors import settings_hash, tokenizer_settings, unit_rows
from neuronym.errors import UserError
from neuronym.functional.fingerprint import hash_state
from neuronym.records import digest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

_HOLDS = "a model and its processor as save_pretrained writes them"
_EXAMPLES = "Choose a CLIP or SigLIP model, for example hf:openai/clip-vit-base-patch16."


class HuggingFaceEncoder:
    """A model and a processor of transformers as an :class:`~neuronym.backends.encoder.ImageTextEncoder`.

    It computes in float32 on every device, so that its key need not name one. Texts longer than the model's context
    are cut to it, the end token kept.

    Attributes:
        domain: how the names of the only sources begin whose images the model knows; None where it knows any.
    """

    domain: str | None = None

    def __init__(self, name: str, model: Any, processor: Any, device: torch.device) -> None:
        self.name = name
        self._device = device
        self._model = model.to(device=device, dtype=torch.float32).eval().requires_grad_(False)
        self._image_processor = processor.image_processor
        self._tokenizer = processor.tokenizer
        self._context = _context_length(model.config, processor.tokenizer)
        self._padding = _padding(model.config, processor.tokenizer)
        self.key = self._make_key()
        self.dim = self.encode_texts(["a"]).shape[1]

    def encode_images(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """Float32 [images, dim], rows of length 1."""
        if not images:
            return self._empty()
        inputs = self._image_processor(images=[image.convert("RGB") for image in images], return_tensors="pt")
        with torch.inference_mode():
            return unit_rows(_features(self._model.get_image_features(**inputs.to(self._device))), self.name)

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Float32 [texts, dim], rows of length 1; texts beyond the model's context are cut."""
        if not texts:
            return self._empty()
        inputs = self._tokenizer(
            list(texts), padding=self._padding, truncation=True, max_length=self._context, return_tensors="pt"
        )
        with torch.inference_mode():
            return unit_rows(_features(self._model.get_text_features(**inputs.to(self._device))), self.name)

    def _empty(self) -> npt.NDArray[np.float32]:
        rows: npt.NDArray[np.float32] = torch.zeros(0, self.dim).numpy()
        return rows

    def _make_key(self) -> str:
        return digest(
            {
                "class": type(self._model).__name__,
                "config": settings_hash(self._model.config.to_dict()),
                "weights": hash_state(self._model),
                "images": settings_hash(self._image_processor.to_dict()),
                "texts": settings_hash(tokenizer_settings(self._tokenizer)),
                "length": [str(self._padding), self._context],
            }
        )


def load(name: str, device: torch.device) -> HuggingFaceEncoder:
    """The encoder of a hub id or a local folder.

    Args:
        name: ``owner/model`` on the hub (or in the cache), or a folder with a model, a tokenizer and an image
            processor in the same format.
        device: where it computes.

    Raises:
        UnknownNameError: nothing of that name can be had.
        UserError: the model is there but damaged, incomplete or not an encoder of images and texts.
    """
    source = source_of(name, _HOLDS)
    model = _load_model(source)
    processor = _load_processor(source)
    _check_end_token(source, model.config, processor.tokenizer)
    return HuggingFaceEncoder(f"hf:{name}", model, processor, device)


def _load_model(source: str) -> Any:
    from transformers import MODEL_MAPPING, AutoConfig, AutoModel

    with _refusals(source):
        config = AutoConfig.from_pretrained(source, trust_remote_code=False)
        # Asked of the class, before gigabytes of weights are fetched for nothing.
        mapped = MODEL_MAPPING.get(type(config), None)
        model_class = mapped[0] if isinstance(mapped, tuple | list) else mapped
        if not (hasattr(model_class, "get_image_features") and hasattr(model_class, "get_text_features")):
            raise UserError(
                f"The model {source!r} ({config.model_type}) does not embed images and texts in one space. {_EXAMPLES}"
            )
        model, report = AutoModel.from_pretrained(
            source, config=config, dtype=torch.float32, output_loading_info=True, trust_remote_code=False
        )
    check_complete(source, report["missing_keys"], "Use a checkpoint that holds both the image and the text side.")
    return model


def _load_processor(source: str) -> Any:
    from transformers import AutoProcessor

    with _refusals(source):
        processor = AutoProcessor.from_pretrained(source, trust_remote_code=False)
    if not (hasattr(processor, "image_processor") and hasattr(processor, "tokenizer")):
        raise UserError(
            f"The model {source!r} comes without a tokenizer or without image settings "
            f"(found only a {type(processor).__name__}). Add the files that its processor's save_pretrained writes."
        )
    check_vocabulary(source, processor.tokenizer)
    return processor


def _refusals(source: str) -> AbstractContextManager[None]:
    return refusals(source, "a Hugging Face model", _HOLDS, _EXAMPLES)


def _context_length(config: Any, tokenizer: Any) -> int:
    """How many tokens the model reads; a tokenizer may not know and then says a huge number."""
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    return min(int(tokenizer.model_max_length), int(positions) if positions else int(tokenizer.model_max_length))


def _padding(config: Any, tokenizer: Any) -> bool | str:
    """Whether texts are padded to the longest of the batch or to the full context.

    SigLIP pools the last position and was trained on full rows of padding; and where the model gets no mask, padding
    is part of what it reads, so its length must not depend on the other texts.
    """
    unmasked = "attention_mask" not in tokenizer.model_input_names
    return "max_length" if unmasked or config.model_type.startswith("siglip") else True


def _check_end_token(source: str, config: Any, tokenizer: Any) -> None:
    """CLIP reads a text at its end token; with a wrong id it reads the first position, the same for every text."""
    if config.model_type != "clip":
        return
    expected = config.text_config.eos_token_id
    # 2 is the marker of checkpoints from before the id was configurable: the highest token id ends the text.
    if expected not in (2, tokenizer.eos_token_id):
        raise UserError(
            f"The model {source!r} would give every text the same embedding: its config says that token {expected} "
            f"ends a text, its tokenizer says {tokenizer.eos_token_id}. Correct text_config.eos_token_id in its config."
        )


def _features(output: Any) -> torch.Tensor:
    """The projected features, which some versions of transformers wrap in an output object."""
    features: torch.Tensor = output if isinstance(output, torch.Tensor) else output.pooler_output
    return features
