"""The clients of an export, run as programs: the page's modules by Node, Java's by a JVM."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest

from keras_s2s import (
    CharacterTokenizer,
    Decoder,
    Encoder,
    LuongAttention,
    MaskedCrossentropy,
    Seq2Seq,
    Translator,
    export,
)
from keras_s2s.experiments.dates import date_splits
from keras_s2s.export.web.litert_js import CLIENT, install
from keras_s2s.special_ids import END_ID, START_ID
from keras_s2s.text.normalization import CONTROL_CHARACTERS, NEWER_CHARACTERS, WHITE_SPACE

HERE = Path(__file__).parent
JAVA = CLIENT.parent / "java"

COUNT = 60  # Sentences that an export is tried with.
LONGEST = 24  # Tokens: a graph of one length is converted in half the time of two.

# Translates texts with an export and a beam of some size.
Client = Callable[[Path, int, list[str]], list[dict[str, Any]]]

TEXT = [
    "The quick brown fox can't jump — over 13 lazy dogs, isn't that odd?",
    "“Falsches Üben von Xylophonmusik quält jeden größeren Zwerg”, sagte er (1987).",
    "다람쥐 헌 쳇바퀴에 타고파! 키스의 고유조건은 입술끼리 만나야 한다.",
    "いろはにほへと　ちりぬるを、わかよたれそ「つねならむ」。",
    "敏捷的棕色狐狸跳过了懒狗；对吗？",
    "Съешь ещё этих мягких французских булок, да выпей чаю.",
    "صِف خَلقَ خَودِ كَمِثلِ الشَمسِ إِذ بَزَغَت؟",
    "דג סקרן שט בים מאוכזב ולפתע מצא לו חברה.",
    "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा।",
    "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า",
    "👩‍👩‍👧‍👦 🇰🇷 👍🏽 naïve cafe\u0301 ﬁn ½ ʰ ① ⅷ Ａ",
    "▁ and ▅ are SentencePiece's ▅ own ▁ marks",
    "K AE1 T ˈkæt t͡ʃ a_b c#d $5 x^2 <s> </s> `code`",
]


class Export(NamedTuple):
    folder: Path
    sources: list[str]


def learn_by_heart(
    pairs: Sequence[tuple[str, str]], tokenizer: Any, units: int, epochs: int
) -> Translator:
    """A translator that is sure of the translations of its pairs, and made in seconds."""
    ids = [tokenizer.encode_all(side) for side in zip(*pairs, strict=True)]
    keras.utils.set_random_seed(1)
    shape = {"vocabulary_size": tokenizer.vocabulary_size, "units": units}
    decoder = Decoder(**shape, embedding_dimension=units // 2, attention=LuongAttention(units))
    model = Seq2Seq(Encoder(**shape, embedding_dimension=units // 2), decoder)
    model.compile(keras.optimizers.Adam(1e-2), loss=MaskedCrossentropy())
    model.optimizer.build(model.trainable_variables)
    inputs = rows([*one, END_ID] for one in ids[0]), rows([START_ID, *one] for one in ids[1])
    targets = rows([*one, END_ID] for one in ids[1])
    model.fit(inputs, targets, batch_size=len(pairs), epochs=epochs, verbose=0)
    return Translator(model, tokenizer, tokenizer)


def rows(ids: Iterable[list[int]]) -> np.ndarray:
    return keras.utils.pad_sequences(list(ids), padding="post")


@pytest.fixture(scope="session")
def dates(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """A model of the demo's kind that has learnt some dates by heart; in int8, as the demo's."""
    folder = tmp_path_factory.mktemp("dates") / "export"
    made = date_splits(seed=1, train_count=2 * COUNT, valid_count=1, test_count=1).train
    pairs = [pair for pair in made if len(pair[0]) < LONGEST][:COUNT]
    tokenizer = CharacterTokenizer.train([text for pair in pairs for text in pair])
    sources = [source for source, _ in pairs]
    translator = learn_by_heart(pairs, tokenizer, units=96, epochs=40)
    export.litert(translator, folder, quantize="int8", samples=sources, lengths=(LONGEST,))
    return Export(folder, sources)


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of @litertjs/core, as the lock file has it."""
    if shutil.which("npm") is None:
        pytest.skip("Node is not here.")
    return install(tmp_path_factory.mktemp("npm")) / "@litertjs" / "core"


@pytest.fixture(scope="session")
def java_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of Java's classes: the client's, LiteRT's against stubs, the tests'."""
    if shutil.which("javac") is None:
        pytest.skip("No Java compiler is here.")
    folder = tmp_path_factory.mktemp("java")
    files = [str(path) for place in (JAVA, HERE) for path in place.rglob("*.java")]
    command = ["javac", "--release", "17", "-Xlint:all", "-Werror", "-encoding", "UTF-8"]
    done = subprocess.run([*command, "-d", str(folder), *files], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return folder


def run_program(command: Sequence[str], texts: Sequence[Any]) -> list[dict[str, Any]]:
    """What a program writes for each text or case, in JSON like these."""
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True)
    assert not done.returncode, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def node(program: str, *arguments: str) -> list[str]:
    """The command that runs one of the programs beside this file."""
    if shutil.which("node") is None:
        pytest.skip("Node is not here.")
    return ["node", str(HERE / f"{program}.mjs"), *arguments]


@pytest.fixture(params=["page", "java"])
def client(request: pytest.FixtureRequest) -> Client:
    if request.param == "page":
        core = request.getfixturevalue("core")
        return lambda folder, beam, texts: run_program(
            node("translate", str(core), str(folder), str(beam)), texts
        )
    classes = request.getfixturevalue("java_classes")
    server = [sys.executable, str(HERE / "step_server.py")]
    java = ["java", "-cp", str(classes), "kerass2s.Translate"]
    return lambda folder, beam, texts: run_program(
        [*java, str(folder), str(beam), *server, str(folder)], texts
    )


def random_lines(count: int) -> list[str]:
    """Lines of every kind: of known text, of all scripts, broken, blank and long ones."""
    generator = random.Random(6)
    known = "".join(TEXT)
    newer = [c for first, last in NEWER_CHARACTERS for c in (first - 1, first, last, last + 1)]
    groups = [
        [ord(character) for character in known],
        newer,
        [*CONTROL_CHARACTERS, *WHITE_SPACE, 0x200B, 0x200D, 0xFEFF, 0x2581, 0x2585],
        range(0x21, 0x7F),  # ASCII's marks among them.
        range(0x00A1, 0x0700),  # Latin, combining marks, Greek, Cyrillic, Hebrew, Arabic.
        range(0x0900, 0x1800),  # India, Thailand, Georgia, jamo and more.
        range(0x1AB0, 0x3200),  # Accents, punctuation, symbols, kana.
        range(0xAC00, 0xD7A4),  # Hangul.
        range(0xD800, 0xE000),  # Halves of characters.
        range(0xF900, 0x10000),  # Compatibility forms.
        range(0x10000, 0x110000),
        range(0x1F000, 0x1FB00),  # Emoji.
    ]

    def line() -> str:
        length = generator.choice((1, 2, 5, 20, 60))
        kind = generator.random()
        if kind < 0.3:
            start = generator.randrange(len(known))
            return known[start : start + length]
        chosen = groups if kind < 0.6 else [generator.choice(groups), generator.choice(groups)]
        return "".join(chr(generator.choice(generator.choice(chosen))) for _ in range(length))

    edges = [chr(code) for code in newer] + ["a" + chr(code) + "\u0301" for code in newer]
    fixed = ["", " ", "\t\n\r ", "\x00\x01\x02\x03", "\ud83d", "\ude00\ud83d", "\ud83d\ude00a"]
    long = [unit * (10_000 // len(unit)) for unit in ("x", "ab ", "한", "\u1112\u1161\u11ab", "…")]
    # Behind 5,000 unknown characters sums of scores are so large that float32 rounds them.
    long += [known * 12, "\u4e01" * 5_000 + known * 6, "".join(line() for _ in range(800))[:10_000]]
    lines = [*TEXT, *edges, *fixed, *long]
    return [*lines, *(line() for _ in range(count - len(lines)))]
