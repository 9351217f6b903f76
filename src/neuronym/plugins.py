"""The one door for models, encoders and methods, and the one grammar of their names.

Third-party packages and Neuronym itself declare entry points in the groups ``neuronym.targets``,
``neuronym.encoders`` and ``neuronym.methods``. A name is, in this order,

- ``prefix:rest`` with the prefix of an entry point of its group, for example ``torchvision:resnet50``;
- ``package.module:callable``, which is imported (the current folder first);
- a local folder or ``owner/name``, which is Hugging Face.

The prefixes in :data:`RESERVED` keep their meaning in every group, whatever is installed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from neuronym.errors import MethodError, TargetError, UnknownNameError, UserError, unknown_name
from neuronym.importing import import_attribute

if TYPE_CHECKING:
    import torch

    from neuronym.backends import ImageTextEncoder
    from neuronym.explain.concepts import ConceptSet
    from neuronym.explain.explainer import Explainer
    from neuronym.targets.target import Target

Kind: TypeAlias = Literal["target", "encoder", "method"]

RESERVED = ("torchvision", "timm", "hf", "open_clip", "openai", "http", "https", "bundled", "oracle")
"""Prefixes whose meaning is fixed; only Neuronym itself may register them."""

_OWNER_NAME = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Choice:
    """What a name of the grammar refers to: an entry point (or None, to import it), and what that is asked for."""

    entry: EntryPoint | None
    rest: str


def installed(kind: Kind) -> dict[str, EntryPoint]:
    """All entry points of a kind by their names.

    Raises:
        UserError: another package claims a reserved prefix, or two packages claim the same.
    """
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=f"neuronym.{kind}s"):
        owner = entry.dist.name if entry.dist is not None else "?"
        if entry.name in RESERVED and owner != "neuronym":
            raise UserError(
                f"The package {owner!r} claims the reserved prefix {entry.name!r} for a {kind}. Uninstall it."
            )
        earlier = found.get(entry.name)
        if earlier is not None and earlier.value != entry.value:
            raise UserError(f"Two packages claim the {kind} {entry.name!r}: {earlier.value} and {entry.value}.")
        found[entry.name] = entry
    return found


def resolve(kind: Kind, name: str) -> Choice:
    """What ``name`` refers to among the targets or encoders.

    Raises:
        UnknownNameError: the name follows none of the grammar's forms, or its prefix is of another kind.
    """
    known = installed(kind)
    prefix, colon, rest = name.partition(":")
    if colon and prefix in known:
        return Choice(known[prefix], rest)
    if colon and prefix in RESERVED:
        raise UnknownNameError(
            f"The prefix {prefix + ':'!r} of {name!r} does not name a {kind} here. Prefixes of {kind}s: "
            f"{', '.join(sorted(key + ':' for key in known))}."
        )
    if colon:
        return Choice(known.get("module"), name)
    if Path(name).expanduser().is_dir() or _OWNER_NAME.fullmatch(name):
        return Choice(known["hf"], name)
    examples = {"target": "torchvision:resnet50", "encoder": "hf:openai/clip-vit-base-patch16"}.get(kind, "")
    raise UnknownNameError(
        f"The {kind} {name!r} has no prefix and is no folder. Write it as one of "
        f"{', '.join(sorted(key + ':NAME' for key in known if key != 'module'))}, package.module:callable, or "
        f"owner/name on Hugging Face; for example {examples}."
    )


def target(name: str, weights: str | None = None) -> Target:
    """The model ``name``, with the user's choice of weights.

    Raises:
        UserError: the name or the weights cannot be used.
    """
    choice = resolve("target", name)
    loader = _load(choice.entry) if choice.entry is not None else None
    if loader is None:
        raise TargetError(f"No installed package loads {name!r}.")
    made: Target = loader(choice.rest, weights)
    return made


def encoder(name: str, device: torch.device) -> ImageTextEncoder:
    """The image-text encoder ``name``, ready on ``device``.

    Raises:
        UserError: it cannot be had, or is none.
    """
    from neuronym.backends import ImageTextEncoder

    choice = resolve("encoder", name)
    if choice.entry is not None:
        made = _load(choice.entry)(choice.rest, device)
    else:
        build = import_attribute(name, UserError)
        made = build(device) if callable(build) else build
    if not isinstance(made, ImageTextEncoder):
        raise UserError(
            f"{name} gave a {type(made).__name__}, which is no image-text encoder. It must have name, key, dim, "
            "encode_images and encode_texts; see neuronym.backends.ImageTextEncoder."
        )
    return made


@cache
def method_class(name: str) -> type[Explainer]:
    """The class of the method ``name``: an installed one, or ``package.module:Class``.

    Raises:
        UserError: there is none, or it is not a method.
    """
    from neuronym.explain.explainer import Explainer

    if ":" in name:
        found = import_attribute(name, MethodError)
    else:
        known = installed("method")
        if name not in known:
            raise unknown_name("method", name, known, "`neuronym methods` lists them.")
        found = _load(known[name])
    lacking = [part for part in ("name", "summary", "citation", "explain") if not hasattr(found, part)]
    if not isinstance(found, type) or not is_dataclass(found) or lacking:
        raise MethodError(
            f"The method {name!r} is not usable: it must be a dataclass with name, summary, citation and explain"
            f"{'; lacking: ' + ', '.join(lacking) if lacking else ''}. See {Explainer.__module__}.Explainer."
        )
    return cast("type[Explainer]", found)


def parameters(cls: type[Explainer]) -> dict[str, Any]:
    """The fields of a method that users set, with their defaults; backends and concepts are not among them."""
    from neuronym.explain.explainer import HANDED_IN

    return {
        field.name: None if field.default is MISSING else field.default
        for field in fields(cls)  # type: ignore[arg-type]
        if field.name not in HANDED_IN
    }


def handed_in(cls: type[Explainer]) -> dict[str, bool]:
    """What Neuronym hands in to a method, by field, and whether the method needs it."""
    from neuronym.explain.explainer import HANDED_IN

    return {
        field.name: field.default is MISSING and field.default_factory is MISSING
        for field in fields(cls)  # type: ignore[arg-type]
        if field.name in HANDED_IN
    }


def make_method(
    name: str,
    settings: Mapping[str, Any],
    concepts: ConceptSet | None = None,
    encoder: ImageTextEncoder | None = None,
) -> Explainer:
    """A method with the user's settings.

    Args:
        name: see :func:`method_class`.
        settings: parameters by name; texts, as from the command line, are read as the type of the parameter's default.
        concepts: handed in where the method has a field for them.
        encoder: likewise.

    Raises:
        UnknownNameError: there is no such method or parameter.
        MethodError: a value cannot be used, or the method lacks concepts or an encoder, or takes none.
    """
    cls = method_class(name)
    known = parameters(cls)
    values: dict[str, Any] = {}
    for key, value in settings.items():
        if key not in known:
            raise unknown_name(f"parameter of {name}", key, known, "`neuronym methods` lists them.")
        values[key] = _read_value(name, key, value, known[key]) if isinstance(value, str) else value
    takes = handed_in(cls)
    for key, given in (("concepts", concepts), ("encoder", encoder)):
        if given is None and takes.get(key, False):
            raise MethodError(f"The method {name} needs --{key}, and none was given.")
        if given is not None and key not in takes:
            raise MethodError(f"The method {name} takes no --{key}. Leave it out.")
        if given is not None:
            values[key] = given
    return cls(**values)


def _read_value(method: str, key: str, text: str, default: object) -> object:
    """A value from the command line: read as JSON where the default is no text, so that 3, 0.5, true and null work."""
    if isinstance(default, str):
        return text
    if isinstance(default, tuple):
        return (text,)
    try:
        value = json.loads(text.lower() if text in ("True", "False") else "null" if text == "None" else text)
    except json.JSONDecodeError:
        value = text
    fits = {
        bool: isinstance(value, bool),
        int: isinstance(value, int) and not isinstance(value, bool),
        float: isinstance(value, int | float) and not isinstance(value, bool),
        type(None): value is None or isinstance(value, int | float | str),
    }.get(type(default), True)
    if not fits:
        raise MethodError(f"The parameter {key} of {method} got {text!r}; it is like {default!r} by default.")
    return value


def _load(entry: EntryPoint) -> Callable[..., Any]:
    try:
        loaded: Callable[..., Any] = entry.load()
    except ImportError as error:
        raise UserError(f"{entry.name!r} ({entry.value}) cannot be loaded: {error}. Install what it needs.") from error
    return loaded
