"""Local language models: causal models of Hugging Face, asked through their chat template.

``hf:Qwen/Qwen3-4B`` is a model of the hub, fetched once and then read from the cache; ``hf:path/to/folder`` is a folder
in the same format, as ``save_pretrained`` writes it. Code that comes with a model is never run.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import torch

from neuronym.backends.language_model import Message, Reply, Sampling
from neuronym.backends.loading import check_complete, check_vocabulary, quietly, refusals, source_of
from neuronym.backends.tensors import settings_hash, tokenizer_settings
from neuronym.errors import LanguageModelError
from neuronym.functional.fingerprint import hash_state
from neuronym.records import digest

if TYPE_CHECKING:
    from jaxtyping import Float, Int

_HOLDS = "a causal language model and its tokenizer as save_pretrained writes them"
_EXAMPLE = "Choose a causal language model, for example hf:Qwen/Qwen3-4B."
_UNLIMITED = 10**9
_TODAY = "{%- macro strftime_now(format) %}2025-01-01{% endmacro -%}"
"""Put before a template, which may write the date, so that a reply does not depend on the day."""


class HuggingFaceChat:
    """A causal model and a tokenizer of transformers as a :class:`~neuronym.backends.language_model.LanguageModel`.

    Nothing but the sampling that it is asked for decides a reply: settings of generation that come with a model, such
    as penalties and top-p, are not used. A model that can think aloud first is told not to. Without a chat template the
    texts of the messages, with empty lines between them, are the prompt, which the model continues. A reply may be
    empty. It computes in half precision on a GPU and in float32 elsewhere, which is part of its key.

    Attributes:
        context: how many tokens it reads and writes together.
    """

    parallel = 1

    def __init__(self, name: str, model: Any, tokenizer: Any, device: torch.device) -> None:
        self.name = name
        self._device = device
        self._model = model.to(device=device).eval().requires_grad_(False)
        self._tokenizer = tokenizer
        self._ends = _ends(model, tokenizer)
        self.context = _context(model.config, tokenizer)
        self.key = self._make_key()
        self._model.generation_config = type(model.generation_config)()
        self._lock = threading.Lock()

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """How many tokens the messages are, with the template's own."""
        with self._lock:
            return int(self._prompt(messages)["input_ids"].shape[1])

    def reply(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """The answer to the messages; the same on every call.

        Raises:
            LanguageModelError: the messages are longer than the context, the template refuses them, or the weights are
                damaged.
        """
        with self._lock:
            prompt = self._prompt(messages)
            length = int(prompt["input_ids"].shape[1])
            if length >= self.context:
                raise LanguageModelError(
                    f"The messages are {length} tokens, and {self.name} reads and writes {self.context} together. "
                    "Shorten them, or choose a model with a longer context."
                )
            written = self._written(prompt, sampling, min(sampling.max_tokens, self.context - length))
            finished = bool(written) and written[-1] in self._ends
            text: str = self._tokenizer.decode(written, skip_special_tokens=True)
        return Reply(text.strip(), finished, length, len(written))

    def _written(self, prompt: dict[str, torch.Tensor], sampling: Sampling, limit: int) -> list[int]:
        """The tokens that follow a prompt, at most ``limit``, the end token among them."""
        from transformers import GenerationConfig, LogitsProcessorList

        ends = sorted(self._ends)
        plain = GenerationConfig(
            max_new_tokens=limit, do_sample=False, eos_token_id=ends or None, pad_token_id=ends[0] if ends else 0
        )
        chosen = LogitsProcessorList([_Draws(self.name, sampling)])
        with torch.inference_mode():
            tokens = self._model.generate(**prompt, generation_config=plain, logits_processor=chosen)
        found: list[int] = tokens[0, prompt["input_ids"].shape[1] :].tolist()
        return found

    def _prompt(self, messages: Sequence[Message]) -> dict[str, torch.Tensor]:
        chat = self._tokenizer.chat_template is not None
        text = self._rendered(messages) if chat else "\n\n".join(message.text for message in messages)
        # A template writes the special tokens by itself.
        read = self._tokenizer(text, add_special_tokens=not chat, truncation=False, return_tensors="pt")
        return {name: read[name].to(self._device) for name in ("input_ids", "attention_mask")}

    def _rendered(self, messages: Sequence[Message]) -> str:
        from jinja2 import TemplateError

        tokenizer = self._tokenizer
        turns = [{"role": message.role, "content": message.text} for message in messages]
        try:
            text: str = tokenizer.apply_chat_template(
                turns,
                chat_template=_TODAY + tokenizer.get_chat_template(),
                tokenize=False,
                add_generation_prompt=True,
                enable_thinking=False,
            )
        except (TemplateError, ValueError, TypeError) as error:
            raise LanguageModelError(
                f"The chat template of {self.name} refuses the messages ({', '.join(turn['role'] for turn in turns)}): "
                f"{error}. Choose another model."
            ) from error
        return text

    def _make_key(self) -> str:
        return digest(
            {
                "class": type(self._model).__name__,
                "config": settings_hash(self._model.config.to_dict()),
                "weights": hash_state(self._model),
                "texts": settings_hash(tokenizer_settings(self._tokenizer)),
                "template": settings_hash(self._tokenizer.chat_template),
                "length": [self.context, *sorted(self._ends)],
            }
        )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()


class _Draws:
    """Makes the likeliest token one that is drawn, with a random state of its own.

    Of logits divided by the temperature, each with independent Gumbel noise added, the largest is distributed as their
    softmax (Gumbel 1954; Yellott 1977, "The relationship between Luce's choice axiom, Thurstone's theory of comparative
    judgment, and the double exponential distribution").
    """

    def __init__(self, name: str, sampling: Sampling) -> None:
        self._name, self._temperature = name, sampling.temperature
        # Numbers are drawn on the CPU on every device: they are then the same.
        self._random = torch.Generator().manual_seed(sampling.seed % 2**63)

    def __call__(
        self, input_ids: Int[torch.Tensor, "texts tokens"], scores: Float[torch.Tensor, "texts vocabulary"]
    ) -> Float[torch.Tensor, "texts vocabulary"]:
        if bool(scores.isnan().any()):
            raise LanguageModelError(
                f"The language model {self._name} gave NaN for its next token. Its weights are damaged: fetch them "
                "again, or choose another model."
            )
        if self._temperature == 0:
            return scores
        uniform = torch.rand(scores.shape, generator=self._random, dtype=torch.float64)
        noise = -torch.log(-torch.log(uniform)).to(scores.device)
        return scores.double() / self._temperature + noise


def load(name: str, device: torch.device) -> HuggingFaceChat:
    """The language model of a hub id or a local folder.

    Args:
        name: ``owner/model`` on the hub (or in the cache), or a folder with a model and a tokenizer.
        device: where it computes.

    Raises:
        UnknownNameError: nothing of that name can be had.
        UserError: the model is there but damaged, incomplete or no causal language model.
    """
    source = source_of(name, _HOLDS)
    with quietly(), _refusals(source):
        model = _load_model(source, device)
        tokenizer = _load_tokenizer(source)
    return HuggingFaceChat(f"hf:{name}", model, tokenizer, device)


def _refusals(source: str) -> AbstractContextManager[None]:
    return refusals(source, "a causal language model", _HOLDS, _EXAMPLE)


def _load_model(source: str, device: torch.device) -> Any:
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(source, trust_remote_code=False)
    # Asked of the config, before gigabytes of weights are fetched for nothing. Many encoders have a class that could
    # write, and checkpoints that cannot.
    kinds = [str(kind) for kind in config.architectures or ()]
    writes = MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None) is not None
    masked = bool(kinds) and all("MaskedLM" in kind for kind in kinds)
    if not writes or masked or getattr(config, "is_encoder_decoder", False):
        raise LanguageModelError(f"The model {source!r} ({config.model_type}) does not continue texts. {_EXAMPLE}")
    model, report = AutoModelForCausalLM.from_pretrained(
        source, config=config, dtype=_precision(device), output_loading_info=True, trust_remote_code=False
    )
    check_complete(source, report["missing_keys"], "Fetch the model again, or choose another.")
    return model


def _load_tokenizer(source: str) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    check_vocabulary(source, tokenizer)
    return tokenizer


def _precision(device: torch.device) -> torch.dtype:
    if device.type == "cpu":
        return torch.float32
    # Weights of large models are often saved as bfloat16, whose range float16 does not have.
    wide = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if wide else torch.float16


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end a reply, by whatever names them: a chat's end of turn often stands in one place alone."""
    named = [model.generation_config.eos_token_id, model.config.get_text_config().eos_token_id, tokenizer.eos_token_id]
    listed = [one if isinstance(one, list | tuple) else [one] for one in named]
    return frozenset(int(token) for tokens in listed for token in tokens if token is not None)


def _context(config: Any, tokenizer: Any) -> int:
    """How many tokens there are positions for; a tokenizer may not know and then says a huge number."""
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    return min(int(positions or _UNLIMITED), int(tokenizer.model_max_length), _UNLIMITED)
