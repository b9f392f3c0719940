"""Sequence-to-sequence models with attention for Keras 3 and TensorFlow.

A trailing comment such as `# [B, T, V]` names the dimensions of a tensor, outermost first:

    B  sentences in a batch
    S  source tokens, end mark and padding included
    T  target tokens, end mark and padding included
    E  size of an embedding
    U  units of a recurrent layer
    V  size of a vocabulary
    K  beams of a search, or answers to a sentence
    N  rows that a search steps at once: B, or B times K

A public name loads its module when it is first used, so `import keras_s2s` costs nothing.
"""

from importlib import import_module
from pkgutil import extend_path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_s2s import export as export
    from keras_s2s.inference.averaging import average as average
    from keras_s2s.inference.search import beam_search as beam_search
    from keras_s2s.inference.search import greedy_search as greedy_search
    from keras_s2s.inference.search import sample_search as sample_search
    from keras_s2s.inference.translation import Translation as Translation
    from keras_s2s.inference.translator import Translator as Translator
    from keras_s2s.layers.bahdanau import BahdanauAttention as BahdanauAttention
    from keras_s2s.layers.decoder import Decoder as Decoder
    from keras_s2s.layers.encoder import Encoder as Encoder
    from keras_s2s.layers.luong import LuongAttention as LuongAttention
    from keras_s2s.layers.scheduled_sampling import ScheduledSampling as ScheduledSampling
    from keras_s2s.model import Seq2Seq as Seq2Seq
    from keras_s2s.preparation import prepare as prepare
    from keras_s2s.prepared import PreparedCorpus as PreparedCorpus
    from keras_s2s.text.batches import Batches as Batches
    from keras_s2s.text.corpus import Corpus as Corpus
    from keras_s2s.text.sharded_batches import ShardedBatches as ShardedBatches
    from keras_s2s.text.tokenizers import CharacterTokenizer as CharacterTokenizer
    from keras_s2s.text.tokenizers import SentencePieceTokenizer as SentencePieceTokenizer
    from keras_s2s.text.tokenizers import WordTokenizer as WordTokenizer
    from keras_s2s.text.tokenizers import load_tokenizer as load_tokenizer
    from keras_s2s.training.checkpoints import Checkpoints as Checkpoints
    from keras_s2s.training.distribution import make_strategy as make_strategy
    from keras_s2s.training.distribution import spread as spread
    from keras_s2s.training.losses import MaskedCrossentropy as MaskedCrossentropy
    from keras_s2s.training.metrics import Perplexity as Perplexity
    from keras_s2s.training.metrics import SequenceAccuracy as SequenceAccuracy
    from keras_s2s.training.metrics import TokenAccuracy as TokenAccuracy
    from keras_s2s.training.resume import resumable_fit as resumable_fit

__version__ = "0.1.0"

# In the root of a checkout its keras_s2s/ hides an installed wheel's, which alone holds `export`.
__path__ = extend_path(__path__, __name__)

_MODULE_OF_NAME = {
    "BahdanauAttention": "keras_s2s.layers.bahdanau",
    "Batches": "keras_s2s.text.batches",
    "CharacterTokenizer": "keras_s2s.text.tokenizers",
    "Checkpoints": "keras_s2s.training.checkpoints",
    "Corpus": "keras_s2s.text.corpus",
    "Decoder": "keras_s2s.layers.decoder",
    "Encoder": "keras_s2s.layers.encoder",
    "LuongAttention": "keras_s2s.layers.luong",
    "MaskedCrossentropy": "keras_s2s.training.losses",
    "Perplexity": "keras_s2s.training.metrics",
    "PreparedCorpus": "keras_s2s.prepared",
    "ScheduledSampling": "keras_s2s.layers.scheduled_sampling",
    "SentencePieceTokenizer": "keras_s2s.text.tokenizers",
    "Seq2Seq": "keras_s2s.model",
    "SequenceAccuracy": "keras_s2s.training.metrics",
    "ShardedBatches": "keras_s2s.text.sharded_batches",
    "TokenAccuracy": "keras_s2s.training.metrics",
    "Translation": "keras_s2s.inference.translation",
    "Translator": "keras_s2s.inference.translator",
    "WordTokenizer": "keras_s2s.text.tokenizers",
    "average": "keras_s2s.inference.averaging",
    "beam_search": "keras_s2s.inference.search",
    "greedy_search": "keras_s2s.inference.search",
    "load_tokenizer": "keras_s2s.text.tokenizers",
    "make_strategy": "keras_s2s.training.distribution",
    "prepare": "keras_s2s.preparation",
    "resumable_fit": "keras_s2s.training.resume",
    "sample_search": "keras_s2s.inference.search",
    "spread": "keras_s2s.training.distribution",
}

__all__ = ["__version__", "export", *_MODULE_OF_NAME]  # pyright: ignore[reportUnsupportedDunderAll]


def _load(name: str) -> object:
    if name == "export":
        return import_module("keras_s2s.export")
    if name not in _MODULE_OF_NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF_NAME[name]), name)
    globals()[name] = value  # The next use finds it without a call.
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:  # A type checker would take any misspelt name for a real one.
    __getattr__ = _load
