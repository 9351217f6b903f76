"""What ``--classes`` means: the names of classes, from wherever they stand."""

from __future__ import annotations

from pathlib import Path

from neuronym.errors import UserError, unknown_name


def class_names(given: str, weights: str | None = None) -> list[str]:
    """Different class names, in order.

    Args:
        given: the name or file of a vocabulary; a text file with one class per line; images whose classes have names:
            an .npz, a dataset, a folder of folders; or a model whose outputs have names.
        weights: of the model.

    Raises:
        UserError: it is none of these, or names no class.
    """
    found = list(dict.fromkeys(name for one in _names(given, weights) if (name := " ".join(one.split()))))
    if not found:
        raise UserError(f"--classes {given!r} names no class. Give a text file with one class per line.")
    return found


def _names(given: str, weights: str | None) -> list[str]:
    from neuronym.explain.concepts import is_vocabulary
    from neuronym.store.vocabulary_files import find_vocabulary, shipped

    try:
        place = Path(given).expanduser()
        there = place.exists()
    except (OSError, RuntimeError) as error:  # a name too long for a file system, a home that nobody has
        raise UserError(
            f"--classes {given[:80]!r} is no path of a file: {str(error).rstrip('.')}. Check it."
        ) from error
    if is_vocabulary(given) or (given in shipped() and not there):
        return [one.name for one in find_vocabulary(given).classes]
    if place.suffix.lower() in ("", ".txt", ".lst", ".list") and place.is_file():
        return _lines(place)
    if there and not (place / "config.json").is_file():
        return _of_images(given)
    if ":" in given or "/" in given:
        return _of_model(given, weights)
    raise unknown_name(
        "file, model or shipped vocabulary", given, shipped(), "--classes takes any of them; see docs/vocabularies.md."
    )


def _lines(place: Path) -> list[str]:
    try:
        text = place.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"The classes {str(place)!r} are not UTF-8 text ({error.reason}). Save them as such."
        ) from error
    except OSError as error:
        raise UserError(f"The classes {str(place)!r} cannot be read: {error.strerror}. Check the path.") from error
    if "\0" in text:  # so UTF-16 looks without a mark at its beginning
        raise UserError(f"The classes {str(place)!r} are not UTF-8 text (they hold null bytes). Save them as such.")
    return text.splitlines()


def _of_images(given: str) -> list[str]:
    from neuronym.probes.opening import open_source

    source = open_source(given)
    numbered = getattr(source, "class_names", None)
    return list(numbered) if numbered else sorted({one.label for one in source.members() if one.label is not None})


def _of_model(given: str, weights: str | None) -> list[str]:
    from neuronym.asking import choose_target

    names = choose_target(given, weights, {}).class_names
    if names is None:
        raise UserError(
            f"The outputs of {given} have no names. Give their classes to --classes in a text file, one per line."
        )
    return list(names)
