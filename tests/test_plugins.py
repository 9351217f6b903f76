"""The grammar of names, for models, encoders and methods; packages that do not keep to it; reading of settings."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Optional

import pytest
import torch

import tiny_models
from neuronym import plugins
from neuronym.asking import image_places
from neuronym.errors import MethodError, ProbeError, TargetError, UnknownNameError, UserError
from neuronym.explain.clip_dissect import ClipDissect
from neuronym.explain.concepts import ConceptSet
from neuronym.plugins import installed, make_method, method_class, resolve
from neuronym.probes.probe_set import index
from neuronym.settings import read_setting

if TYPE_CHECKING:
    from decimal import Decimal

CPU = torch.device("cpu")
CONCEPTS = ConceptSet.of(["red", "green"])

SOURCE = """
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from neuronym.backends import Reply


class Letters:
    def __init__(self, device):
        self.name, self.key, self.dim, self.device = "mine:letters", "letters-1", 2, device

    def encode_images(self, images):
        return np.ones((len(images), 2), np.float32)

    encode_texts = encode_images


class Network(torch.nn.Module, Letters):
    def __init__(self):
        torch.nn.Module.__init__(self)
        Letters.__init__(self, None)


class Parrot:
    name, key, parallel = "mine:parrot", "parrot-1", 2

    def __init__(self, device):
        self.device = device

    def count_tokens(self, messages):
        return len(messages)

    def reply(self, messages, sampling):
        return Reply(messages[-1].text, True, 1, 1)


def parrot(device):
    return Parrot(device)


def letters(device):
    return Letters(device)


def two(device, more):
    return Letters(device)


def nothing(device):
    return None


ready = Letters("ready")
network = Network()


@dataclass(frozen=True)
class First:
    name: ClassVar[str] = "first"
    summary: ClassVar[str] = "mean"
    citation: ClassVar[str] = "Written for a test."
    count: int = 3

    def explain(self, units, view):
        return iter(())


@dataclass(frozen=True)
class Silent:
    name: ClassVar[str] = "silent"


@dataclass(frozen=True, kw_only=True)
class Demanding(First):
    size: int


@dataclass(frozen=True)
class Slashed(First):
    name: ClassVar[str] = "a/b"


@dataclass
class Thawed:
    name: ClassVar[str] = "thawed"


def model():
    return torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "my_things.py").write_text(SOURCE)
    (tmp_path / "module.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("my_things", "module"):
        sys.modules.pop(name, None)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Installs a package of one module, ``in_NAME``, as far as Python can tell: with the metadata that a wheel has."""

    def install(name: str, entries: str, source: str = SOURCE) -> None:
        place = tmp_path / "site packages"
        info = place / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entries)
        (place / f"in_{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, f"in_{name}", raising=False)
        monkeypatch.syspath_prepend(str(place))

    return install


def says(text: str) -> str:
    """The pattern that matches a whole message."""
    return f"^{re.escape(text)}$"


BUILT_IN = {
    "target": {"torchvision", "timm", "hf", "bundled", "module"},
    "encoder": {"hf", "open_clip", "bundled", "oracle"},
    "language_model": {"hf", "openai", "http", "https"},
    "image": {"bundled"},
}


def test_built_ins_enter_by_the_same_door() -> None:
    assert set(installed("target")) == BUILT_IN["target"]
    assert set(installed("encoder")) == BUILT_IN["encoder"]
    assert set(installed("language_model")) == BUILT_IN["language_model"]
    assert set(installed("image")) == BUILT_IN["image"]
    assert method_class("clip-dissect") is ClipDissect


@pytest.mark.parametrize(
    ("kind", "name", "entry", "rest"),
    [
        ("target", "torchvision:resnet50", "torchvision", "resnet50"),
        ("target", "timm:vit_tiny_patch16_224.augreg_in21k", "timm", "vit_tiny_patch16_224.augreg_in21k"),
        ("target", "hf:owner/name", "hf", "owner/name"),
        ("target", "owner/name-1.5", "hf", "owner/name-1.5"),
        ("target", "my_things:model", "module", "my_things:model"),
        ("target", "package.sub.my_things:model", "module", "package.sub.my_things:model"),
        ("target", "module:model", "module", "module:model"),
        ("target", "a folder/of models", "hf", "a folder/of models"),
        ("target", "a folder/of: models", "hf", "a folder/of: models"),
        ("encoder", "hf:openai/clip-vit-base-patch16", "hf", "openai/clip-vit-base-patch16"),
        ("encoder", "openai/clip-vit-base-patch16", "hf", "openai/clip-vit-base-patch16"),
        ("encoder", "open_clip:ViT-B-16/laion2b", "open_clip", "ViT-B-16/laion2b"),
        ("encoder", "open_clip:hf-hub:owner/name", "open_clip", "hf-hub:owner/name"),
        ("encoder", "a folder/of models", "hf", "a folder/of models"),
        ("encoder", "my_things:letters", None, "my_things:letters"),
        ("encoder", "module:letters", None, "module:letters"),
        ("language_model", "http://localhost:8000/v1#owner/name", "http", "//localhost:8000/v1#owner/name"),
        ("language_model", "https://some.where/v1", "https", "//some.where/v1"),
        ("language_model", "openai:some-model", "openai", "some-model"),
        ("language_model", "hf:owner/name", "hf", "owner/name"),
        ("language_model", "owner/name", "hf", "owner/name"),
        ("language_model", "a folder/of models", "hf", "a folder/of models"),
        ("language_model", "my_things:parrot", None, "my_things:parrot"),
    ],
)
def test_grammar(folder: Path, kind: Any, name: str, entry: str | None, rest: str) -> None:
    (folder / "a folder" / "of models").mkdir(parents=True)
    (folder / "a folder" / "of: models").mkdir()
    choice = resolve(kind, name)
    assert (None if choice.entry is None else choice.entry.name, choice.rest) == (entry, rest)


def test_a_folder_by_every_way_to_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    (folder / "clip").mkdir()
    for name in (str(folder / "clip"), "./clip", "clip", "~/clip", "."):
        choice = resolve("encoder", name)
        assert choice.entry is not None
        assert (choice.entry.name, choice.rest) == ("hf", name)


TARGETS = "bundled:NAME, hf:NAME, timm:NAME, torchvision:NAME, package.module:callable, or owner/name on Hugging Face"
LANGUAGE_MODELS = "hf:NAME, http:NAME, https:NAME, openai:NAME, package.module:callable, or owner/name on Hugging Face"
ENCODERS = "bundled:NAME, hf:NAME, open_clip:NAME, oracle:NAME, package.module:callable, or owner/name on Hugging Face"


@pytest.mark.parametrize("name", ["resnet50", "", " ", "a/b/c", "no folder/of mine", "~no-such-user", "x" * 5000])
def test_names_without_prefix(name: str) -> None:
    for kind, forms, example in (
        ("target", TARGETS, "torchvision:resnet50"),
        ("encoder", ENCODERS, "hf:openai/clip-vit-base-patch16"),
        ("language_model", LANGUAGE_MODELS, "http://localhost:8000/v1"),
    ):
        text = (
            f"The {kind.replace('_', ' ')} {name!r} has no prefix and is no folder. Write it as one of {forms}; for "
            f"example {example}."
        )
        with pytest.raises(UnknownNameError, match=says(text)):
            resolve(kind, name)  # type: ignore[arg-type]


@pytest.mark.parametrize("prefix", plugins.RESERVED)
def test_reserved_prefixes_are_never_modules(prefix: str) -> None:
    prefixes = {
        "target": "bundled:, hf:, timm:, torchvision:",
        "encoder": "bundled:, hf:, open_clip:, oracle:",
        "language_model": "hf:, http:, https:, openai:",
    }
    for kind, shown in prefixes.items():
        name = f"{prefix}://some.where/model"
        if prefix in BUILT_IN[kind]:
            assert resolve(kind, name).rest == "//some.where/model"  # type: ignore[arg-type]
            continue
        called = {"target": "a target", "encoder": "an encoder", "language_model": "a language model"}[kind]
        of = f"{called.partition(' ')[2]}s"
        text = f"The prefix '{prefix}:' of {name!r} does not name {called} here. Prefixes of {of}: {shown}."
        with pytest.raises(UnknownNameError, match=says(text)):
            resolve(kind, name)  # type: ignore[arg-type]


def test_targets_are_made(folder: Path) -> None:
    assert plugins.target("my_things:model").name == "my_things:model"
    assert plugins.target("module:model", "random").weights == "random"
    name = tiny_models.vit_folder(folder / "a folder" / "of a model").relative_to(folder)
    assert plugins.target(str(name)).name == plugins.target(f"hf:{name}").name == f"hf:{name}"


def test_encoders_are_made(folder: Path) -> None:
    made: Any = plugins.encoder("my_things:letters", CPU)
    assert (made.name, made.device) == ("mine:letters", CPU)
    made = plugins.encoder("my_things:Letters", CPU)
    assert made.device == CPU
    made = plugins.encoder("my_things:ready", CPU)
    assert made.device == "ready"
    assert plugins.encoder("my_things:network", CPU) is sys.modules["my_things"].network
    name = tiny_models.clip_folder(folder / "a folder" / "of a clip").relative_to(folder)
    assert plugins.encoder(str(name), CPU).key == plugins.encoder(f"hf:{name}", CPU).key


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "my_things:nothing",
            "my_things:nothing gave a NoneType, which is no image-text encoder. It must have name, key, dim, "
            "encode_images and encode_texts; see neuronym.backends.ImageTextEncoder.",
        ),
        (
            "my_things:two",
            "my_things:two cannot be called with the device alone: missing a required argument: 'more'. It must take a "
            "torch.device and return an image-text encoder.",
        ),
        ("my_things:lettres", "The module 'my_things' has no 'lettres'. Nearest: letters, Letters, Silent."),
        (":letters", "':letters' is not of the form package.module:callable."),
        ("my_things:", "'my_things:' is not of the form package.module:callable."),
        (".my_things:letters", "'.my_things:letters' is not of the form package.module:callable."),
        (
            "her_things:letters",
            "The module 'her_things' cannot be imported: No module named 'her_things'. The current folder ({cwd}) and "
            "the installed packages are searched.",
        ),
    ],
)
def test_encoders_that_are_none(folder: Path, name: str, text: str) -> None:
    with pytest.raises(UserError, match=says(text.replace("{cwd}", str(folder)))):
        plugins.encoder(name, CPU)


def test_language_models_are_made() -> None:
    made: Any = plugins.language_model("my_things:parrot", CPU)
    assert (made.name, made.device) == ("mine:parrot", CPU)
    text = (
        "my_things:nothing gave a NoneType, which is no language model. It must have name, key, parallel, count_tokens "
        "and reply; see neuronym.backends.LanguageModel."
    )
    with pytest.raises(UserError, match=says(text)):
        plugins.language_model("my_things:nothing", CPU)
    text = (
        "my_things:two cannot be called with the device alone: missing a required argument: 'more'. It must take a "
        "torch.device and return a language model."
    )
    with pytest.raises(UserError, match=says(text)):
        plugins.language_model("my_things:two", CPU)


def test_methods_by_class() -> None:
    made: Any = make_method("my_things:First", {"count": "5"})
    assert (made.name, made.count) == ("first", 5)
    assert method_class("neuronym.explain.clip_dissect:ClipDissect") is ClipDissect


_CLASS = "The method {name!r} is not usable: {wrong}. See neuronym.explain.explainer.Explainer."


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("my_things:letters", "it must be a frozen dataclass, and is a function"),
        ("my_things:Letters", "the class Letters must be a frozen dataclass"),
        ("my_things:Thawed", "the class Thawed must be a frozen dataclass"),
        ("my_things:Silent", "it lacks summary, citation, explain"),
        ("my_things:Slashed", "its name is 'a/b', and runs are named after it: use letters, digits, '.', '-' and '_'"),
        ("my_things:Demanding", "its parameter size has no default"),
    ],
)
def test_classes_that_are_no_methods(name: str, wrong: str) -> None:
    with pytest.raises(MethodError, match=says(_CLASS.format(name=name, wrong=wrong))):
        method_class(name)


def test_unknown_methods() -> None:
    text = "There is no method 'clip-disect'. Nearest: clip-dissect, net-dissect. `neuronym methods` lists them."
    with pytest.raises(UnknownNameError, match=says(text)):
        method_class("clip-disect")
    with pytest.raises(MethodError, match=says("The module 'my_things' has no 'Frist'. Nearest: First.")):
        method_class("my_things:Frist")


def test_a_package_adds_names(package: Any) -> None:
    package("kind", "[neuronym.targets]\nmine = in_kind:load\n[neuronym.methods]\nsecond = in_kind:First\n")
    assert set(installed("target")) == {*BUILT_IN["target"], "mine"}
    assert resolve("target", "mine:small").rest == "small"
    assert make_method("second", {}).name == "first"
    with pytest.raises(UnknownNameError, match=r"Prefixes of targets: bundled:, hf:, mine:, timm:, torchvision:\.$"):
        resolve("target", "openai:x")


@pytest.mark.parametrize("prefix", [*plugins.RESERVED, "module"])
@pytest.mark.parametrize("kind", ["target", "encoder", "language_model", "method", "image"])
def test_a_package_cannot_have_a_reserved_prefix(package: Any, kind: Any, prefix: str) -> None:
    package("greedy", f"[neuronym.{kind}s]\n{prefix} = my_things:letters\n")
    text = f"The package 'greedy' claims the reserved prefix {prefix!r} for {kind.replace('_', ' ')}s. Uninstall it."
    with pytest.raises(UserError, match=says(text)):
        installed(kind)


def test_two_packages_cannot_have_one_name(package: Any) -> None:
    package("one", "[neuronym.methods]\nclip-dissect = my_things:First\n")
    names = r"'(one|neuronym)' with \S+ and '(neuronym|one)' with \S+\. Uninstall one of them\."
    with pytest.raises(UserError, match=f"^Two packages claim the method 'clip-dissect': {names}$"):
        method_class("clip-dissect")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_dependency", "No module named 'no_such_dependency'"),
        ("lode = 3", "module 'in_cracked' has no attribute 'load'"),
    ],
)
def test_a_broken_package_is_named(package: Any, source: str, reason: str) -> None:
    kinds = ("target", "encoder", "language_model", "method", "image")
    package("cracked", "\n".join(f"[neuronym.{kind}s]\nbroken = in_cracked:load" for kind in kinds), source)
    text = (
        f"'broken' of the package 'cracked' (in_cracked:load) cannot be loaded: {reason}. Install what it needs, or "
        "uninstall that package."
    )
    for use in (
        lambda: plugins.target("broken:x"),
        lambda: plugins.encoder("broken:x", CPU),
        lambda: plugins.language_model("broken:x", CPU),
        lambda: method_class("broken"),
        lambda: plugins.image_source("broken:x"),
    ):
        with pytest.raises(UserError, match=says(text)):
            use()


def test_a_loader_that_gives_no_target(package: Any) -> None:
    package("loose", "[neuronym.targets]\nloose = in_loose:load\n", "def load(name, weights):\n    return name\n")
    text = (
        "The loader of 'loose:x' (in_loose:load of 'loose') gave a str; it must return a "
        "neuronym.targets.target.Target."
    )
    with pytest.raises(UserError, match=says(text)):
        plugins.target("loose:x")


IMAGES = """
import numpy as np

from neuronym.errors import ProbeError
from neuronym.probes.sources import Member


class Squares:
    def __init__(self, name, count):
        self.name, self.count = name, count

    def __len__(self):
        return 0  # a source may look empty to Python

    def members(self):
        return [Member(str(number), None) for number in range(self.count)]

    def read(self, member):
        return np.full((5, 6, 3), int(member), np.uint8)


def load(rest):
    if not rest.isdecimal():
        raise ProbeError(f"'squares:{rest}' is no number of squares.")
    return Squares(f"squares:{rest}", int(rest))


def wrong(rest):
    return ["0.png"]
"""


def test_images_by_name_or_by_path(folder: Path, package: Any) -> None:
    package("geometry", "[neuronym.images]\nsquares = in_geometry:load\n", IMAGES)
    made = plugins.image_source("squares:7")
    assert made is not None
    assert (made.name, [member.name for member in made.members()]) == ("squares:7", list("0123456"))
    with pytest.raises(ProbeError, match=says("'squares:many' is no number of squares.")):
        plugins.image_source("squares:many")
    world = plugins.image_source("bundled:world/test/20")
    assert world is not None
    assert world.name == "bundled:world/test/20"
    for path in (
        "photos",
        "photos/of: cats",
        "cats: a folder",
        "C:/photos",
        "circles:7",
        "/a/squares:7",
        "",
        ":",
        ":x",
    ):
        assert plugins.image_source(path) is None, path
    given = image_places(["squares:3", "photos", Path("more"), "~", made, "bundled:world/explain/9"])
    names = [one if isinstance(one, str) else one.name for one in given]  # type: ignore[union-attr]
    home = str(Path("~").expanduser())
    assert names == ["squares:3", f"{folder}/photos", f"{folder}/more", home, "squares:7", "bundled:world/explain/9"]
    assert given[4] is made
    assert image_places("squares:3")[0].name == "squares:3"  # type: ignore[union-attr]
    assert image_places(made) == [made]
    probe = index(image_places("squares:40"), seed=1)
    assert probe.sources == ("squares:40",)
    assert [probe.load(row).getpixel((0, 0))[0] for row in range(3)] == [int(one.member) for one in probe.images[:3]]  # type: ignore[index]


def test_images_of_prefixes_that_have_none(package: Any) -> None:
    package("geometry", "[neuronym.images]\nsquares = in_geometry:load\n", IMAGES)
    for prefix in sorted(set(plugins.RESERVED) - BUILT_IN["image"]):
        name = f"{prefix}:cifar10"
        text = (
            f"The prefix '{prefix}:' of {name!r} does not name images here. Give a path, or a name with one of the "
            "prefixes bundled:, squares:."
        )
        with pytest.raises(UnknownNameError, match=says(text)):
            plugins.image_source(name)
        with pytest.raises(UnknownNameError, match=says(text)):
            image_places(["photos", name])


def test_a_loader_that_gives_no_images(package: Any) -> None:
    package("bare", "[neuronym.images]\nsquares = in_bare:wrong\n", IMAGES)
    text = (
        "squares:7 gave a list, which is no source of images. It must have name, members and read; see "
        "neuronym.probes.sources.Source."
    )
    with pytest.raises(UserError, match=says(text)):
        plugins.image_source("squares:7")


def test_what_methods_take() -> None:
    cls: Any = ClipDissect
    assert plugins.handed_in(cls) == {"concepts": True, "encoder": False}
    known = plugins.parameters(cls)
    assert (known["similarity"], known["templates"], known["top_k"]) == ("soft_wpmi", ("{}",), None)
    assert not {"concepts", "encoder", "name", "citation"} & set(known)
    with pytest.raises(MethodError, match=says("The method clip-dissect needs --concepts, and none was given.")):
        make_method("clip-dissect", {})
    with pytest.raises(MethodError, match=says("The method my_things:First takes no --concepts. Leave it out.")):
        make_method("my_things:First", {}, CONCEPTS)
    encoder = plugins.encoder("my_things:letters", CPU)
    with pytest.raises(MethodError, match=says("The method my_things:First takes no --encoder. Leave it out.")):
        make_method("my_things:First", {}, encoder=encoder)
    made: Any = make_method("clip-dissect", {}, CONCEPTS, encoder)
    assert (made.concepts, made.encoder) == (CONCEPTS, encoder)
    text = "There is no parameter of clip-dissect 'topk'. Nearest: top_k. `neuronym methods` lists them."
    with pytest.raises(UnknownNameError, match=says(text)):
        make_method("clip-dissect", {"topk": "3"}, CONCEPTS)
    for key in ("concepts", "encoder", "name"):
        with pytest.raises(UnknownNameError, match=f"There is no parameter of clip-dissect '{key}'"):
            make_method("clip-dissect", {key: "x"}, CONCEPTS)


@pytest.mark.parametrize(
    ("key", "given", "value"),
    [
        ("top_k", "50", 50),
        ("top_k", "none", None),
        ("top_k", "null", None),
        ("temperature", "10", 10.0),
        ("temperature", "1e-1", 0.1),
        ("temperature", "None", None),
        ("exponent", "2.5", 2.5),
        ("seed", "-3", -3),
        ("similarity", "cosine", "cosine"),
        ("templates", "a photo of a {}, {}", ("a photo of a {}, {}",)),
        ("templates", ["{}", "a {}"], ("{}", "a {}")),
        ("threshold", 0.5, 0.5),
        ("threshold", 1, 1.0),
    ],
)
def test_settings_of_clip_dissect(key: str, given: Any, value: object) -> None:
    encoder = plugins.encoder("my_things:letters", CPU)
    read = getattr(make_method("clip-dissect", {key: given}, CONCEPTS, encoder), key)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("key", "given", "text"),
    [
        ("top_k", "many", "a whole number or none, got 'many'; by default it is None"),
        ("top_k", "2.5", "a whole number or none, got '2.5'; by default it is None"),
        ("top_k", "true", "a whole number or none, got 'true'; by default it is None"),
        ("top_k", [3], "a whole number or none, got [3]; by default it is None"),
        ("top_k", True, "a whole number or none, got True; by default it is None"),
        ("seed", "", "a whole number, got ''; by default it is 0"),
        ("seed", "none", "a whole number, got 'none'; by default it is 0"),
        ("threshold", "nan", "a number or none, got 'nan'; by default it is None"),
        ("threshold", "inf", "a number or none, got 'inf'; by default it is None"),
        ("p_start", "1e999", "a number, got '1e999'; by default it is 0.998"),
        ("templates", 3, "texts, got 3; by default it is ('{}',)"),
        ("templates", [3], "texts, got [3]; by default it is ('{}',)"),
        ("similarity", 3, "a text, got 3; by default it is 'soft_wpmi'"),
    ],
)
def test_settings_that_cannot_be_used(key: str, given: object, text: str) -> None:
    with pytest.raises(MethodError, match=says(f"The parameter {key} of clip-dissect takes {text}.")):
        make_method("clip-dissect", {key: given}, CONCEPTS)


@dataclass(frozen=True)
class Base:
    flag: bool = False
    old: Optional[int] = None  # noqa: UP045
    either: int | str = 3
    number: int | float = 3
    word: str | None = None
    level: Literal[1, 2] = 1
    words: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Fields(Base):
    name: ClassVar[str] = "fields"
    unseen: Decimal | None = None
    hidden: Decimal = 3  # type: ignore[assignment]
    made: tuple[str, ...] = field(default_factory=lambda: ("a",))
    kept: int = field(default=3, init=False)


@pytest.mark.parametrize(
    ("key", "given", "value"),
    [
        ("flag", "true", True),
        ("flag", "False", False),
        ("old", "4", 4),
        ("old", "None", None),
        ("either", "4", 4),
        ("either", "four", "four"),
        ("number", "4", 4),
        ("number", "4.5", 4.5),
        ("number", 4, 4),
        ("word", "4", "4"),
        ("word", "none", None),
        ("level", "2", 2),
        ("words", "a", ("a",)),
        ("words", "none", None),
        ("made", "b", ("b",)),
        # An annotation that only type checkers can see: the default tells, or the text itself.
        ("hidden", "4", 4),
        ("unseen", "4", 4),
        ("unseen", "4.5", 4.5),
        ("unseen", "true", True),
        ("unseen", "none", None),
        ("unseen", "four", "four"),
    ],
)
def test_settings_by_annotation(key: str, given: object, value: object) -> None:
    read = read_setting(Fields, "fields", key, given, getattr(Fields(), key))
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("key", "given", "words"),
    [
        ("flag", "1", "true or false"),
        ("flag", 1, "true or false"),
        ("either", 2.5, "a whole number or a text"),
        ("number", "many", "a number"),
        ("hidden", "2.5", "a whole number"),
        ("words", 3, "texts or none"),
    ],
)
def test_settings_against_annotation(key: str, given: object, words: str) -> None:
    with pytest.raises(MethodError, match=f"^The parameter {key} of fields takes {words}, got {given!r}; by default"):
        read_setting(Fields, "fields", key, given, getattr(Fields(), key))


def test_parameters_are_those_one_can_set() -> None:
    known = plugins.parameters(Fields)  # type: ignore[arg-type]
    assert "kept" not in known
    assert known["made"] == ("a",)


def test_a_target_error_of_the_module_form() -> None:
    with pytest.raises(TargetError, match=says("The module 'my_things' has no 'modle'. Nearest: model.")):
        plugins.target("my_things:modle")
