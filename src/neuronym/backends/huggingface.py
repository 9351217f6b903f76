"""Image-text encoders from Hugging Face: CLIP, SigLIP, SigLIP 2 and every other model of two towers built like them.

``hf:openai/clip-vit-base-patch16`` is a model of the hub, fetched once and then read from the cache;
``hf:path/to/folder`` is a folder in the same format, as ``save_pretrained`` writes it. Code that comes with a model is
never run.

CLIP: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision". SigLIP: Zhai et al.
2023, "Sigmoid Loss for Language Image Pre-Training".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from neuronym.backends.tensors import settings_hash, tokenizer_settings, unit_rows
from neuronym.errors import UnknownNameError, UserError
from neuronym.functional.fingerprint import hash_state
from neuronym.records import digest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
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
    folder = Path(name).expanduser()
    source = str(folder) if folder.is_dir() else name
    if not folder.is_dir() and not _HUB_ID.fullmatch(name):
        raise UnknownNameError(
            f"There is no folder {name!r}, and it is no hub id of the form owner/model either. "
            "Give a folder with a model and its processor as save_pretrained writes them, or a hub id."
        )
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
    missing = sorted(report["missing_keys"])
    if missing:
        # transformers fills the gaps with random numbers and goes on.
        raise UserError(
            f"The weights of {source!r} are incomplete: {len(missing)} tensors are missing, the first is {missing[0]}. "
            "Use a checkpoint that holds both the image and the text side."
        )
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
    if len(processor.tokenizer) <= len(set(processor.tokenizer.all_special_ids)):
        # Where its files are absent, transformers quietly makes a tokenizer that knows the special tokens alone.
        raise UserError(
            f"The model {source!r} comes without a vocabulary for its tokenizer. "
            "Add the files that its tokenizer's save_pretrained writes, for example tokenizer.json."
        )
    return processor


@contextmanager
def _refusals(source: str) -> Iterator[None]:
    """Turns what transformers raises for a model it cannot load into errors of ours."""
    from safetensors import SafetensorError

    try:
        yield
    except ImportError as error:
        reason = _first_line(error).split(". ")[0].rstrip(".")
        raise UserError(
            f"The model {source!r} needs a package that is not installed: {reason}. "
            "Install it, for example with `pip install sentencepiece protobuf` for a SentencePiece tokenizer."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        if Path(source).is_dir():
            raise UserError(
                f"The folder {source!r} cannot be read as a Hugging Face model: {_first_line(error)} "
                "It has to hold a model and its processor as save_pretrained writes them."
            ) from error
        if isinstance(error, OSError):
            raise UnknownNameError(
                f"The model {source!r} is no local folder, is not in the cache, and could not be fetched from the hub: "
                f"{_first_line(error)} Check the spelling and the network, or give a local folder in the same format."
            ) from error
        raise UserError(f"The model {source!r} cannot be used: {_first_line(error)} {_EXAMPLES}") from error


def _first_line(error: Exception) -> str:
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line if line.endswith((".", "!", "?")) else f"{line}."


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
