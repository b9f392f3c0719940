"""A tiny translator, its exports, and tokenizers of every kind, to be damaged."""

from pathlib import Path
from typing import Any

LINES = ["the dog runs", "a cat sleeps in the house", "개가 달린다", "naïve café …"]


def make_tokenizers(folder: Path) -> list[str]:
    """Saves a tokenizer of each kind and returns the names of their folders."""
    from keras_s2s import CharacterTokenizer, SentencePieceTokenizer, WordTokenizer

    several = {
        "pieces": SentencePieceTokenizer.train(LINES),
        "words": WordTokenizer.train(LINES),
        "characters": CharacterTokenizer.train(LINES, normalization="NFD"),
    }
    for name, tokenizer in several.items():
        tokenizer.save(folder / name)
    return list(several)


def make_translator() -> Any:
    """A translator of a few thousand weights."""
    import keras

    from keras_s2s import (
        CharacterTokenizer,
        Decoder,
        Encoder,
        LuongAttention,
        SentencePieceTokenizer,
        Seq2Seq,
        Translator,
    )

    keras.utils.set_random_seed(1)
    source, target = CharacterTokenizer.train(LINES), SentencePieceTokenizer.train(LINES)
    decoder = Decoder(target.vocabulary_size, 8, attention=LuongAttention(8))
    model = Seq2Seq(Encoder(source.vocabulary_size, 8), decoder)
    return Translator(model, source, target, samples=LINES, maximum_source_length=40)


def make_exports(folder: Path, kinds: list[str]) -> None:
    """Exports it, each format in a folder of its name, in a process of its own.

    A process that has TensorFlow in it already takes more memory for a case, and threads.
    """
    import subprocess
    import sys

    if any(folder.iterdir()):
        return
    code = (
        "import sys, pathlib, shutil; sys.path.insert(0, sys.argv[2])\n"
        "from make import make_translator; from keras_s2s import export\n"
        "folder, kinds = pathlib.Path(sys.argv[1]), sys.argv[3:]\n"
        "for kind in kinds:\n"
        "    options = {'lengths': [8, 16]} if kind == 'litert' else {}\n"
        "    getattr(export, kind)(make_translator(), folder / kind, **options)\n"
        "if 'saved_model' in kinds:\n"
        "    shutil.move(folder / 'saved_model' / '1', folder / 'one')\n"
        "    shutil.rmtree(folder / 'saved_model')\n"
        "    shutil.move(folder / 'one', folder / 'saved_model')\n"
    )
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", code, str(folder), here, *kinds]
    subprocess.run(command, check=True, capture_output=True)
