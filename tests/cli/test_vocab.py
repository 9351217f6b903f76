"""``neuronym vocab`` as a user runs it, and ``neuronym explain --concepts`` with a vocabulary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backends.chat_server import ChatServer, refuses
from neuronym.records import ClassPhrases, Vocabulary
from neuronym.store.vocabulary_files import read_vocabulary, shipped, write_vocabulary
from neuronym.study import Study
from program import Ran, explain, neuronym

LLM = ("--llm", "talking_model:build")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "classes.txt").write_text("fox\n\nowl\n fox \n", encoding="utf-8")
    (tmp_path / "hard.txt").write_text("fox\nnewt\n", encoding="utf-8")
    write_vocabulary(
        tmp_path / "small.json",
        Vocabulary(
            "small", (ClassPhrases("fox", ("red fur", "a fox")), ClassPhrases("bat", ("thin wings", "big ears")))
        ),
    )
    return tmp_path


def build(place: Path, *more: str, classes: str = "classes.txt", out: str = "made.json") -> Ran:
    return neuronym("vocab", "build", "--classes", classes, *LLM, "--out", out, *more, cwd=place)


def test_a_vocabulary_is_built_shown_and_used_again(place: Path) -> None:
    made = build(place, "--seed", "4")
    assert (made.code, made.out) == (0, "made.json: 2 classes, 5 phrases; 2 requests.\n")
    found = read_vocabulary(place / "made.json")
    assert found.classes[0].phrases == ("red fur", "a bushy tail", "white tip of the fox tail")
    assert found.card["model"] == "talking_model:build"
    assert (found.card["seed"], found.card["model key"], found.card["classes"]) == ("4", "talking-1", "classes.txt")
    again = build(place, "--seed", "4", out="again.json")
    assert again.out == "again.json: 2 classes, 5 phrases; 0 requests.\n"
    assert read_vocabulary(place / "again.json").exchanges == found.exchanges
    shown = neuronym("vocab", "show", "made.json", cwd=place).out
    assert shown.startswith("made: 2 classes, 5 phrases\nprompt: What are useful features")
    assert "fox: red fur; a bushy tail; white tip of the fox tail *\nowl: round eyes; hooked beak; red fur\n" in shown
    one = neuronym("vocab", "show", "made.json", "--class", "Owl", cwd=place).out
    assert one == (
        "owl: round eyes; hooked beak; red fur\n\nattempt 1 of talking_model:build, seed 4: parsed\n"
        "What are useful features for distinguishing a owl in an image? Please give me a list of short phrases.\n"
        "- round eyes\n- hooked beak\n- red fur\n"
    )


def test_classes_without_phrases_are_named(place: Path) -> None:
    made = build(place, "--attempts", "2", classes="hard.txt")
    assert made.code == 1
    assert made.out == "made.json: 2 classes, 3 phrases; 3 requests.\n"
    assert made.err.splitlines()[-1] == "newt: no phrases after 2 attempts; the last reply is a refusal."
    assert [one.state for one in read_vocabulary(place / "made.json").exchanges] == [
        "parsed",
        "unreadable",
        "unreadable",
    ]
    (place / "newt.txt").write_text("newt\n")
    assert build(place, "--attempts", "2", classes="newt.txt", out="newt.json").error == (
        "No reply of talking_model:build could be read as a list of phrases, and no file was written. The one about "
        "'newt' is a refusal: \"I'm sorry, but I cannot help with that.\". Try another model, --prompt or --max-tokens."
    )
    assert not (place / "newt.json").exists()


def test_what_a_server_says_is_no_markup(place: Path) -> None:
    with ChatServer(lambda request: "- red fur\n- tail") as server:
        server.next(refuses(429, "slow [/INST] down"))
        ran = neuronym(
            "vocab", "build", "--classes", "classes.txt", "--llm", server.address, "--out", "a.json", cwd=place
        )
    assert (ran.code, ran.out) == (0, "a.json: 2 classes, 2 phrases; 3 requests.\n"), ran.err
    assert (
        f"The server {server.address} answered 429 Too Many Requests: slow [/INST] down. Asking again in 1 s, attempt "
        "2 of 5.\n"
    ) in ran.err


def test_a_dry_run_asks_nobody_and_limits_stop(place: Path) -> None:
    first = neuronym("vocab", "build", "--classes", "classes.txt", *LLM, "--dry-run", cwd=place)
    assert first.out.splitlines() == [
        "talking_model:build: 0 classes are done already, 2 are to be asked about.",
        "calls         2; up to 6 if replies cannot be read",
        "tokens sent   about 38",
        "tokens back   about 240, by a guess, for no reply is kept",
        "cost          unknown without --price",
    ]
    stopped = build(place, "--max-calls", "1")
    assert stopped.code == 1
    assert stopped.err.splitlines()[-1] == (
        "Stopped: --max-calls 1 is reached. 1 of 2 classes are done and kept, and no file was written. Run the same "
        "command with a higher limit to go on; nobody is asked twice."
    )
    assert not (place / "made.json").exists()
    dear = build(place, "--max-cost", "0.001", "--price", "1,2")
    assert "Stopped: --max-cost 0.001 could be passed by the next reply: 0 is spent. 1 of 2" in dear.err
    later = neuronym("vocab", "build", "--classes", "classes.txt", *LLM, "--dry-run", "--price", "1,2", cwd=place)
    assert later.out.splitlines()[1:] == [
        "calls         1; up to 3 if replies cannot be read",
        "tokens sent   about 19",
        "tokens back   about 18, by the mean of 1 kept replies",
        "cost          about 5.5e-05",
    ]
    assert build(place, "--max-cost", "1", "--price", "1,2").out == (
        "made.json: 2 classes, 5 phrases; 1 request, cost 3.7e-05.\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--out", "made.txt"),
            "--out 'made.txt' does not end with .json, which tells a vocabulary from a list of texts.",
        ),
        ((), "A vocabulary is written to a file: name it with --out, or add --dry-run to ask nobody."),
        (
            ("--prompt", "Hello", "--dry-run"),
            "The prompt 'Hello' asks about no class. Write {class} where its name stands.",
        ),
        (
            ("--price", "cheap", "--dry-run"),
            "--price 'cheap' is not the prices of a million tokens sent and received, as 0.15,0.60.",
        ),
        (
            ("--llm", "openai:some", "--max-cost", "1", "--dry-run"),
            "--max-cost needs --price IN,OUT, the price of a million tokens sent and received.",
        ),
        (
            ("--max-cost", "1", "--dry-run"),
            "--max-cost needs --price IN,OUT, the price of a million tokens sent and received.",
        ),
        (
            ("--classes", "wide.txt", "--dry-run"),
            "The classes 'wide.txt' are not UTF-8 text (they hold null bytes). Save them as such.",
        ),
        (
            ("--classes", "~nobody-so-called/c.txt", "--dry-run"),
            "--classes '~nobody-so-called/c.txt' is no path of a file: Could not determine home directory. Check it.",
        ),
        (("--classes", "none.json", "--dry-run"), "There is no vocabulary at 'none.json'. Check the path."),
        (
            ("--classes", "empty.txt", "--dry-run"),
            "--classes 'empty.txt' names no class. Give a text file with one class per line.",
        ),
        (
            ("--classes", "tiny_net:build", "--dry-run"),
            "The outputs of tiny_net:build have no names. Give their classes to --classes in a text file, one per "
            "line.",
        ),
    ],
)
def test_what_cannot_be_built_is_refused(place: Path, options: tuple[str, ...], message: str) -> None:
    (place / "empty.txt").write_text("\n")
    (place / "wide.txt").write_text("fox\n", encoding="utf-16-le")
    assert neuronym("vocab", "build", "--classes", "classes.txt", *LLM, *options, cwd=place).error == message


def test_classes_from_everywhere(place: Path) -> None:
    (place / "listed").write_text("owl\n")
    for name in ("owl", "fox"):
        (place / "images" / name).mkdir(parents=True)
        (place / "images" / name / "a.png").write_bytes(b"")
    pixels = np.zeros((2, 4, 4, 3), np.uint8)
    np.savez(place / "images.npz", images=pixels, labels=np.array([0, 1]), class_names=np.array(["owl", "fox"]))
    build(place)
    for classes, first in (
        ("listed", "owl"),
        ("images", "fox"),
        ("images.npz", "owl"),
        ("made.json", "fox"),
        ("tiny_net:named", "owl"),
    ):
        build(place, classes=classes, out="other.json")
        assert read_vocabulary(place / "other.json").classes[0].name == first
    unknown = neuronym("vocab", "build", "--classes", "cifar", *LLM, "--dry-run", cwd=place).error
    assert unknown.startswith("There is no file, model or shipped vocabulary 'cifar'. ")


def test_vocabularies_are_joined_and_checked(place: Path) -> None:
    build(place)
    joined = neuronym("vocab", "merge", "made.json", "small.json", "--out", "all.json", cwd=place)
    assert joined.out == "all.json: 3 classes, 8 phrases.\n"
    assert read_vocabulary(place / "all.json").classes[0].phrases[-1] == "a fox"
    checked = neuronym("vocab", "check", "all.json", "--least", "2", cwd=place)
    assert (checked.code, checked.err) == (1, "1 fault.\n")
    assert checked.out == (
        "all: 3 classes, 8 phrases, 3.0 a class of 2.6 words on average; 0 serve more than 20 classes, 2 have the name "
        "of their class in them.\nfox: 'a fox' is the bare name of its class.\n"
    )
    assert neuronym("vocab", "check", "made.json", "--least", "2", cwd=place).code == 0
    assert neuronym("vocab", "check", "made.json", "--least", "6", "--most", "5", cwd=place).error == (
        "No class has 6 phrases at least and 5 at most. Give a --least up to --most."
    )
    assert neuronym("vocab", "show", "made.json", "--class", "foks", cwd=place).error == (
        "There is no class of the vocabulary 'made' called 'foks'. Nearest: fox."
    )
    assert (
        neuronym("vocab", "show", "--class", "fox", cwd=place).error == "--class is of one vocabulary. Name it before."
    )
    assert neuronym("vocab", "show", cwd=place).out.count("vocab:") == len(shipped())


def test_a_study_chooses_among_a_vocabulary_and_keeps_it(place: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (12, 10, 12, 3), np.uint8)
    np.savez(place / "images.npz", images=pixels)
    asked = {"images": "images.npz", "concepts": "small.json", "encoder": "tiny_net:colours"}
    ran = explain(cwd=place, **asked, model="tiny_net:named")
    assert ran.error.startswith(
        "The vocabulary 'small' is for other classes than the model's: it has 'fox', the model 'owl'. "
    )
    assert not (place / "study").exists()
    ran = explain(cwd=place, **asked)
    assert ran.code == 0, ran.err
    study = Study.open(place / "study")
    (run,) = study.store.runs
    assert study.store.manifest.runs[run]["concepts"] == "small.json"
    assert study.store.vocabulary(run) == read_vocabulary(place / "small.json")
