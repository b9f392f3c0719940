"""The rules by which a training without options chooses them, each with its reason.

Each rule reads what is known of the data, the machine and the options before it, given or chosen,
and yields what it chooses. docs/guides/automatic.md has the measurements on which the rules rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keras_s2s.data.profile import Profile, SideProfile
from keras_s2s.recipe.known import MOST_SYMBOLS, Choice, Known

if TYPE_CHECKING:
    from keras_s2s.recipe.known import MeasureProducts

    Rule = Callable[[Known], Iterator[Choice]]

# Symbols are few, and each occurs often: phones, notes, tags. They are short, or very few.
LONGEST_SYMBOL, LEAST_USES = 4.0, 5
VERY_FEW, MANY_USES = 100, 20
# Numbers are spelled, unless they are very few: there is always another one.
SOME_NUMBERS, MANY_NUMBERS = 0.05, 0.3  # shares of the words
# Words and names, rather than sentences: short, few words in a text, few different characters.
MOST_WORDS, LONGEST_WORD, MOST_CHARACTERS, LEAST_CHARACTERS = 2.2, 30, 300, 10
# In a script without spaces, a sentence looks like one word.
MOST_UNSPACED, LONGEST_UNSPACED = 0.5, 15
MOST_STOPS = 0.3  # share of texts that end like a sentence
# Names of several words have as many on both sides.
LEAST_PARALLEL, MOST_NAMES, LONGEST_NAME = 0.8, 6, 40
# Formulas: long, of very few characters, without spaces.
MOST_LETTERS, LONGEST_FORMULA = 50, 200
# A source of this many characters is read by subwords, whatever its target is.
LONGEST_SPELLING = 80
MOST_SINGLE = 1.1  # words in a text of single words
MOST_PSEUDO = 50_000  # generated sources
TINY, FEW = 3_000, 3_000  # target tokens of a corpus; pairs
MOST_IDS = 1_000_000  # of a vocabulary
LEAST_COPIED = 0.2  # share of the words of targets that occur in their sources
LEAST_GAIN = 1.2  # of products in bfloat16, for which training in bfloat16 is faster


def tokenizers(known: Known) -> Iterator[Choice]:
    """Symbols as they are, words and names by characters, sentences by SentencePiece."""
    source, target = known.profile.source, known.profile.target
    if known["copying"] or known["tie_embeddings"] == "three":
        for side in ("source", "target"):
            yield Choice(f"{side}_tokenizer", "sentencepiece", "both sides share one vocabulary")
        return
    yield Choice("target_tokenizer", *_kind(target, known.profile.parallel))
    kind, reason = _kind(source, known.profile.parallel)
    if known.is_spelled and kind == "sentencepiece" and source.characters <= LONGEST_SPELLING:
        kind, reason = "character", "short texts, whose targets are spelled"
    yield Choice("source_tokenizer", kind, reason)


def _kind(texts: SideProfile, parallel: float) -> tuple[str, str]:
    if _are_symbols(texts):
        return "word", f"{texts.distinct_words:,} symbols, separated by spaces"
    length = texts.characters
    if _are_names(texts, parallel):
        return "character", f"{texts.words:.1f} words per line, {length:.0f} characters"
    is_formula = texts.words <= MOST_SINGLE and texts.distinct_characters <= MOST_LETTERS
    if is_formula and length <= LONGEST_FORMULA:
        return "character", f"{texts.distinct_characters} different characters, no spaces"
    if texts.numbers >= MANY_NUMBERS and length <= LONGEST_SPELLING:
        return "character", f"{100 * texts.numbers:.0f} % of the words are numbers"
    return "sentencepiece", f"{texts.words:.1f} words per line"


def _are_symbols(texts: SideProfile) -> bool:
    count, uses = texts.distinct_words, texts.uses
    are_short = texts.word_length <= LONGEST_SYMBOL and texts.numbers <= SOME_NUMBERS
    are_few = count <= MOST_SYMBOLS and uses >= LEAST_USES and are_short
    return texts.words >= 2 and (are_few or (count <= VERY_FEW and uses >= MANY_USES))


def _are_names(texts: SideProfile, parallel: float) -> bool:
    longest = LONGEST_UNSPACED if texts.unspaced > MOST_UNSPACED else LONGEST_WORD
    are_short = texts.words <= MOST_WORDS and texts.characters <= longest
    are_several = MOST_SINGLE < texts.words <= MOST_NAMES
    are_parallel = are_several and parallel >= LEAST_PARALLEL
    has_few = texts.distinct_characters <= MOST_CHARACTERS or texts.characters <= LEAST_CHARACTERS
    is_name = are_short or (are_parallel and texts.characters <= LONGEST_NAME)
    return is_name and has_few and texts.stops <= MOST_STOPS


def normalization(known: Known) -> Iterator[Choice]:
    """Hangul that is read by characters is decomposed into jamo: 67 of them, not 11,172 syllables.

    Targets stay composed where their tokenizer does not spell them.
    """
    for side in ("source", "target"):
        if known.tokenizer(side) == "character" and getattr(known.profile, side).hangul > 0.1:
            yield Choice(f"{side}_normalization", "NFD", "Hangul by characters: read as jamo")


def vocabulary(known: Known) -> Iterator[Choice]:
    """More words of text give more subwords: 6,000 for 667,000 words."""
    characters = known.profile.characters + len(known["protect"])
    if "sentencepiece" not in (known.tokenizer("source"), known.tokenizer("target")):
        if characters + 8 > known["vocabulary_size"]:
            size = min(characters + 8, MOST_IDS)
            yield Choice("vocabulary_size", size, f"{characters:,} different characters")
        return
    source, target = known.profile.source, known.profile.target
    words = known.profile.pairs * (source.subwords + target.subwords) / 1.3
    size = round(6000 * (words / 667_000) ** 0.3 / 500) * 500
    # Different words give at least as many subwords, unless they are whole sentences.
    most = sum(side.distinct_words * max(1, side.word_length / 8) for side in (source, target))
    size = min(max(size, 1000), 16_000, round(most))
    # Each character is a subword; beside a large alphabet, there is room for words.
    size = max(size, characters + 8 if characters < 200 else round(1.25 * characters))
    yield Choice("vocabulary_size", min(size, MOST_IDS), f"{_count(words)} words of text")


def copying(known: Known) -> Iterator[Choice]:
    """A summary consists of words of its source, many of which are rare in the training targets."""
    share = known.profile.copied
    can_copy = known.has_joint_vocabulary and known["attention"] != "none"
    if can_copy and share >= LEAST_COPIED:
        words = f"{100 * share:.0f} % of the words of the targets occur in their sources"
        yield Choice("copying", True, words)
    if known["copying"]:
        yield Choice("tie_embeddings", "three", "copied tokens are those of the source")


def sizes(known: Known) -> Iterator[Choice]:
    """A small corpus needs a small model."""
    tokens = f"{_count(known.target_tokens)} target tokens"
    is_small = known.is_small or known.effort == "quick"
    units = 256 if is_small else 512
    yield Choice("units", units, tokens if known.is_small or not is_small else "quick")
    is_half = known.is_spelled or known["units"] > 256
    size = known["units"] // 2 if is_half else known["units"]
    yield Choice(
        "embedding_dimension", max(size, 1), "half of the units" if is_half else "as many as units"
    )


def output(known: Known) -> Iterator[Choice]:
    """Subwords are many, and share a matrix with the output; letters and symbols need none."""
    if known.is_spelled:
        yield Choice("tie_embeddings", "none", "few target symbols: no matrix is shared")


def batches(known: Known) -> Iterator[Choice]:
    """A small corpus needs small batches for enough steps, and noise to mix lengths in them."""
    if not known.is_small or "batch_tokens" in known.options:
        return
    pairs = known.profile.pairs
    rows = 16 if known.target_tokens < TINY else 32 if pairs < FEW else 64
    yield Choice("batch_sentences", rows, f"{pairs:,} pairs: small batches give more steps")
    if known["batch_sentences"] is not None:
        yield Choice("length_noise", 1.0, "few pairs: batches mix many lengths")


def learning_rate(known: Known) -> Iterator[Choice]:
    """A small corpus gives few steps, which may be larger."""
    if known.is_small:
        yield Choice("learning_rate", 0.003, f"{_count(known.target_tokens)} target tokens")


def regularization(known: Known) -> Iterator[Choice]:
    """Dropout where a model could learn its data by heart."""
    if known.is_spelled:
        yield Choice("dropout", 0.3, "targets are spelled")
    else:
        rate = 0.5 if known.is_small else 0.35
        yield Choice("dropout", rate, f"{_count(known.target_tokens)} target tokens of sentences")


def selection(known: Known) -> Iterator[Choice]:
    """A spelled target is right or wrong; of a sentence there are many."""
    monitor = "sequence_accuracy" if known.is_spelled else "perplexity"
    reason = (
        "a spelled target is right or wrong"
        if known.is_spelled
        else "a sentence has many correct translations"
    )
    yield Choice("monitor", monitor, reason)


def duration(known: Known) -> Iterator[Choice]:
    """As many steps as the data can use; with a validation, the plateau ends them earlier."""
    if "epochs" in known.options:
        yield Choice("patience", max(6, known["epochs"] // 4), "a quarter of the epochs")
        return
    is_quick = known.effort == "quick"
    if known["valid_share"] != 0 and not is_quick:
        yield Choice("schedule", "plateau", "trains while the validation improves")
    is_open = known["schedule"] == "plateau"
    least, most = (500, 3000) if is_quick else (3000, 20_000)
    epochs = 12 if is_quick else 200 if is_open else 60
    epoch = known.steps_per_epoch
    reason = f"{'at most; ' if is_open else ''}about {epoch:,} steps see all pairs once"
    yield Choice("steps", min(max(least, epochs * epoch), most), reason)
    epochs = known["epochs"] if known["steps"] is None else -(-known["steps"] // epoch)
    yield Choice("patience", min(epochs, 1_000_000), "off: the schedule ends the training")


def teachers(known: Known) -> Iterator[Choice]:
    """An ensemble makes fewer errors than a single model, and so does a model distilled from it."""
    if known.effort == "thorough":
        count = 5 if known.is_small else 3
        yield Choice("teachers", count, "models that are trained first and distilled")
        source = known.profile.source
        are_words = source.words <= MOST_SINGLE and source.characters <= LONGEST_WORD
        if known["teachers"] and known.is_spelled and are_words:
            count = min(2 * known.profile.pairs, MOST_PSEUDO)
            yield Choice("pseudo_sources", count, "generated words, which the teachers transcribe")


def precision(known: Known) -> Iterator[Choice]:
    """The type in which this machine multiplies faster, measured with the sizes of the model."""
    if known.measure is None:
        yield Choice("precision", "float32", "several workers must agree")
        return
    if "precision" in known.options:
        return
    gain = known.measure(known.rows, known["units"]).ratio
    kind = "bfloat16" if gain >= LEAST_GAIN else "float32"
    yield Choice("precision", kind, f"bfloat16 has {gain:.1f} times the speed of float32 here")


TEXT_RULES = (tokenizers, normalization, vocabulary)
RULES = (
    *TEXT_RULES,
    copying,
    sizes,
    output,
    batches,
    learning_rate,
    regularization,
    selection,
    duration,
    teachers,
    precision,
)


def choose(
    profile: Profile,
    given: Mapping[str, Any],
    effort: str = "normal",
    measure: MeasureProducts | None = None,
    rules: Sequence[Rule] = RULES,
) -> tuple[Known, list[Choice]]:
    """Choose options for a corpus.

    Args:
        profile: The corpus.
        given: Options that are given; they are not chosen, and the rules take them into account.
        effort: As for `AutoRecipe`.
        measure: As in `Known`.
        rules: Those to apply; with `TEXT_RULES`, only tokenizers and vocabulary are chosen.

    Returns:
        What is known in the end, and the choices in the order of the rules.

    Example:
        >>> from keras_s2s.data.profile import profile_of
        >>> words = profile_of([("bad", "B AE D"), ("dad", "D AE D"), ("add", "AE D")] * 50)
        >>> found = {choice.name: choice.value for choice in choose(words, {"units": 64})[1]}
        >>> found["source_tokenizer"], found["target_tokenizer"], found["embedding_dimension"]
        ('character', 'word', 32)
    """
    known, chosen = Known(profile, effort, dict(given), measure), []
    for rule in rules:
        for choice in rule(known):
            if choice.name not in given:
                known.options[choice.name] = choice.value
                chosen.append(choice)
    return known, chosen


def _count(number: float) -> str:
    """A large number in two digits.

    Example:
        >>> _count(434_900), _count(1_234_000), _count(870)
        ('430,000', '1,200,000', '870')
    """
    digits = max(0, len(str(round(number))) - 2)
    return f"{round(number, -digits):,.0f}"
