"""Image-text encoders from open_clip, the reference implementation of the openly trained CLIP models.

What follows ``open_clip:`` is one of

- ``MODEL/TAG``: an architecture and one of its published weights, such as ``ViT-B-32/laion2b_s34b_b79k``;
- ``MODEL/FILE``: an architecture and a file of weights, such as ``ViT-B-32/weights/mine.safetensors`` (relative) or
  ``ViT-B-32//data/mine.safetensors`` (absolute: the second slash begins the path);
- ``local-dir:FOLDER``: a folder with ``open_clip_config.json`` and weights;
- ``hf-hub:OWNER/NAME``: the same two on the Hugging Face hub.

Weights are read from safetensors or with ``weights_only``; files that hold code are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from neuronym.backends.tensors import settings_hash, tokenizer_settings, unit_rows
from neuronym.errors import UnknownNameError, UserError, unknown_name
from neuronym.functional.fingerprint import hash_state
from neuronym.records import Json, digest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image


class OpenClipEncoder:
    """An open_clip model as an :class:`~neuronym.backends.encoder.ImageTextEncoder`.

    It computes in float32 on every device, so that its key need not name one. Texts longer than the model's context
    are cut to it, the end token kept.
    """

    def __init__(
        self, name: str, model: Any, preprocess: Any, tokenizer: Any, config: Any, device: torch.device
    ) -> None:
        self.name = name
        self._device = device
        self._model = model.eval().requires_grad_(False)
        self._preprocess = preprocess
        self._tokenizer = tokenizer
        self.key = digest(
            {
                "class": type(model).__name__,
                "config": settings_hash(config),
                "weights": hash_state(model),
                "images": settings_hash(model.visual.preprocess_cfg),
                "texts": settings_hash(_tokenizer_settings(tokenizer)),
            }
        )
        self.dim = self.encode_texts(["a"]).shape[1]

    def encode_images(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """Float32 [images, dim], rows of length 1."""
        if not images:
            return self._empty()
        pixels = torch.stack([self._preprocess(image.convert("RGB")) for image in images])
        with torch.inference_mode():
            return unit_rows(self._model.encode_image(pixels.to(self._device)), self.name)

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Float32 [texts, dim], rows of length 1; texts beyond the model's context are cut."""
        if not texts:
            return self._empty()
        tokens = self._tokenizer(list(texts))
        with torch.inference_mode():
            return unit_rows(self._model.encode_text(tokens.to(self._device)), self.name)

    def _empty(self) -> npt.NDArray[np.float32]:
        rows: npt.NDArray[np.float32] = torch.zeros(0, self.dim).numpy()
        return rows


def load(name: str, device: torch.device) -> OpenClipEncoder:
    """The encoder of an open_clip model and weights; the module's docstring has the grammar.

    Args:
        name: what follows ``open_clip:``.
        device: where it computes.

    Raises:
        UnknownNameError: there is no such architecture, tag, file or folder, or the weights cannot be fetched.
        UserError: open_clip is not installed, or the weights do not fit the architecture.
    """
    open_clip = _import()
    model_name, pretrained = _parse(open_clip, name)
    # Weights trained with the quick GELU go wrong quietly under the exact one; open_clip itself only warns.
    quick_gelu = bool(pretrained and open_clip.get_pretrained_cfg(model_name, pretrained).get("quick_gelu"))
    try:
        model, preprocess = open_clip.create_model_from_pretrained(
            model_name, pretrained, device=device, precision="fp32", force_quick_gelu=quick_gelu
        )
        tokenizer = open_clip.get_tokenizer(model_name)
        config = open_clip.get_model_config(model_name)
    except Exception as error:  # whatever the four libraries below open_clip raise; the cause is kept
        raise _refusal(name, error) from error
    if getattr(tokenizer, "reduction_fn", None):
        # Training by random token masking drops other words at every call; for encoding a long text is simply cut.
        tokenizer.reduction_fn = None
    return OpenClipEncoder(f"open_clip:{name}", model, preprocess, tokenizer, [config, quick_gelu], device)


def _import() -> Any:
    try:
        import open_clip
    except ImportError as error:
        raise UserError(
            "Encoders that begin with open_clip: need a package that is not installed. "
            "Install it with `pip install 'neuronym[open-clip]'`."
        ) from error
    return open_clip


def _parse(open_clip: Any, name: str) -> tuple[str, str | None]:
    """open_clip's own model name, and the tag or file of the weights, None where the name itself says both."""
    if name.startswith("hf-hub:"):
        return name, None
    if name.startswith("local-dir:"):
        folder = Path(name.removeprefix("local-dir:")).expanduser()
        if not (folder / "open_clip_config.json").is_file():
            raise UnknownNameError(
                f"The folder {str(folder)!r} holds no open_clip_config.json. "
                "Give a folder with that file and the weights, or MODEL/FILE for weights alone."
            )
        return f"local-dir:{folder}", None
    model_name, _, weights = name.partition("/")
    if model_name not in open_clip.list_models():
        raise unknown_name(
            "open_clip model", model_name, open_clip.list_models(), "`open_clip.list_models()` names them all."
        )
    tags = open_clip.list_pretrained_tags_by_model(model_name)
    file = Path(weights).expanduser()
    if open_clip.is_pretrained_cfg(model_name, weights):
        return model_name, weights
    if weights and file.is_file():
        return model_name, str(file)
    if weights:
        raise unknown_name(
            f"tag or file of weights for {model_name},", weights, tags, "Give one of its tags or the path of a file."
        )
    shown = f" such as {', '.join(tags[:8])}," if tags else ""
    raise UnknownNameError(
        f"The encoder {'open_clip:' + name!r} names no weights. Write open_clip:{model_name}/TAG with a tag"
        f"{shown} or open_clip:{model_name}/FILE with the path of a file."
    )


def _refusal(name: str, error: Exception) -> UserError:
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return UserError(
        f"The encoder {'open_clip:' + name!r} cannot be loaded: {reason.rstrip('.!')}. "
        "If it has to be fetched, check the spelling and the network; if it is a file or a folder, check that its "
        "weights are safetensors or plain tensors made for this architecture."
    )


def _tokenizer_settings(tokenizer: Any) -> Json:
    clean = getattr(tokenizer, "clean_fn", None)
    settings: dict[str, Any] = {
        "class": type(tokenizer).__name__,
        "length": tokenizer.context_length,
        "clean": getattr(clean, "__name__", None),
        "mode": [getattr(tokenizer, "strip_sep_token", None), getattr(tokenizer, "tokenizer_mode", None)],
    }
    inner = getattr(tokenizer, "tokenizer", None)
    if inner is None:
        settings["vocabulary"] = sorted(tokenizer.encoder.items())
        settings["merges"] = sorted(tokenizer.bpe_ranks.items(), key=lambda item: item[1])
    else:
        settings["rules"] = tokenizer_settings(inner)
    return settings
