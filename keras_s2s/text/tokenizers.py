"""The tokenizers: text to ids and back, the same in Python and in the TensorFlow graph."""

from pathlib import Path

from keras_s2s.special_ids import END_ID, PAD_ID, START_ID, UNK_ID, UNKNOWN_TEXT
from keras_s2s.text.sentencepiece_tokenizer import SentencePieceTokenizer
from keras_s2s.text.symbol_tokenizers import CharacterTokenizer, WordTokenizer
from keras_s2s.text.tokenizer import Tokenizer
from keras_s2s.text.tokenizer_files import SETTINGS_FILE, damaged, read_settings

__all__ = [
    "END_ID",
    "PAD_ID",
    "START_ID",
    "UNK_ID",
    "UNKNOWN_TEXT",
    "CharacterTokenizer",
    "SentencePieceTokenizer",
    "Tokenizer",
    "WordTokenizer",
    "load_tokenizer",
]

_CLASSES = {
    tokenizer.__name__: tokenizer
    for tokenizer in (SentencePieceTokenizer, WordTokenizer, CharacterTokenizer)
}


def load_tokenizer(folder: str | Path) -> Tokenizer:
    """Reads a tokenizer of any class from the folder that it was saved in.

    Args:
        folder: The folder.

    Returns:
        A tokenizer that gives the same ids as the one that was saved.

    Raises:
        ValueError: If the folder holds none, or a damaged one.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     WordTokenizer(["K", "AE1", "T"]).save(folder)
    ...     load_tokenizer(folder).encode("T AE1 K")
    [6, 5, 4]
    """
    folder = Path(folder)
    name = read_settings(folder)["class"]
    if name not in _CLASSES:
        reason = f"class={name!r}, which is none of {sorted(_CLASSES)}"
        raise ValueError(damaged(folder / SETTINGS_FILE, reason))
    return _CLASSES[name].load(folder)
