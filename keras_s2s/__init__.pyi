from . import export as export
from .data.batches import Batches as Batches
from .data.corpus import Corpus as Corpus
from .data.prepare import prepare as prepare
from .data.prepared_corpus import PreparedCorpus as PreparedCorpus
from .data.sharded_batches import ShardedBatches as ShardedBatches
from .inference.averaging import average as average
from .inference.translation import Translation as Translation
from .inference.translator import Translator as Translator
from .layers.bahdanau import BahdanauAttention as BahdanauAttention
from .layers.decoder import Decoder as Decoder
from .layers.encoder import Encoder as Encoder
from .layers.luong import LuongAttention as LuongAttention
from .layers.scheduled_sampling import ScheduledSampling as ScheduledSampling
from .model import Seq2Seq as Seq2Seq
from .recipe.config import Recipe as Recipe
from .recipe.train import train as train
from .search.search import beam_search as beam_search
from .search.search import greedy_search as greedy_search
from .search.search import sample_search as sample_search
from .text.tokenizers import CharacterTokenizer as CharacterTokenizer
from .text.tokenizers import SentencePieceTokenizer as SentencePieceTokenizer
from .text.tokenizers import WordTokenizer as WordTokenizer
from .text.tokenizers import load_tokenizer as load_tokenizer
from .training.checkpoints import Checkpoints as Checkpoints
from .training.distribution import distribute_dataset as distribute_dataset
from .training.distribution import make_strategy as make_strategy
from .training.distribution import patch_multi_worker_fit as patch_multi_worker_fit
from .training.losses import MaskedCrossentropy as MaskedCrossentropy
from .training.metrics import Perplexity as Perplexity
from .training.metrics import SequenceAccuracy as SequenceAccuracy
from .training.metrics import TokenAccuracy as TokenAccuracy
from .training.resume import resumable_fit as resumable_fit

__all__: list[str]
__version__: str
