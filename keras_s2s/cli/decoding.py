"""The options of `translate` and `evaluate` on what is decoded: tags, samples, and their choice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras_s2s.cli.models import chosen_search
from keras_s2s.search.sample_strategy import Sample
from keras_s2s.search.strategies import Strategy
from keras_s2s.text.option_fields import POSITIVE, Bound, between, check_options, option

if TYPE_CHECKING:
    from keras_s2s.inference.protocol import TextTranslator

ROWS = 640  # Samples that are decoded together.
MOST_CANDIDATES = 1000


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """What is put before a text, and how its translations are drawn and chosen.

    Raises:
        ValueError: An option is out of range, or would be ignored.
    """

    tag: str | None = option(
        None,
        help="Tag to put before every text, such as `<2de>`; one token of the source tokenizer.",
        group="",
        metavar="TAG",
    )
    sample: bool = option(
        False,
        help="Draw translations at random from the model instead of searching for the best ones.",
        group="",
    )
    temperature: float | None = option(
        None,
        help="With --sample: below 1 prefers likely tokens, above 1 unlikely ones. Default: 1.",
        group="",
        bounds=(POSITIVE,),
    )
    top_k: int | None = option(
        None,
        help="With --sample: draw from this many most likely tokens. Default: all.",
        group="",
        bounds=(between(1, 1_000_000),),
    )
    top_p: float | None = option(
        None,
        help="With --sample: draw from the most likely tokens whose probabilities sum to this."
        " Default: 1.",
        group="",
        bounds=(Bound("above 0 and at most 1", lambda value: 0 < value <= 1),),
        metavar="P",
    )
    seed: int | None = option(
        None,
        help="With --sample: random seed; the same seed draws the same translations. Default: 0.",
        group="",
        bounds=(between(0, 2**32 - 1),),
    )
    mbr: int | None = option(
        None,
        help="Minimum Bayes risk decoding: of N samples, or of the N best hypotheses of the beam"
        " search, choose the one that agrees most with all of them (chrF).",
        group="",
        bounds=(between(1, MOST_CANDIDATES),),
    )

    def __post_init__(self) -> None:
        check_options(self)
        for name in ("temperature", "top_k", "top_p", "seed"):
            value = getattr(self, name)
            if value is not None and not self.sample:
                option_name = f"--{name.replace('_', '-')}"
                raise ValueError(f"{option_name} needs --sample. Received: {value} without it")

    def check(self, n_best: int, beam: int | None, length_penalty: float | None) -> None:
        """Raise ValueError where options of the search contradict these.

        Args:
            n_best: Number of translations of each text.
            beam: What `--beam` says, or `None`.
            length_penalty: What `--length-penalty` says, or `None`.
        """
        given = {"--beam": beam, "--length-penalty": length_penalty}
        for name, value in given.items():
            if self.sample and value is not None:
                raise ValueError(
                    f"{name} belongs to beam search. Received: {name} {value} with --sample. "
                    "Leave out one of the two."
                )
        if self.mbr is not None and n_best > self.mbr:
            raise ValueError(
                "--n-best must be at most the number of candidates of --mbr. Received: "
                f"--n-best {n_best}, --mbr {self.mbr}"
            )
        if self.mbr is not None and beam is not None and beam < self.mbr:
            raise ValueError(
                "--beam must be at least the number of candidates of --mbr. Received: "
                f"--beam {beam}, --mbr {self.mbr}"
            )

    def search(
        self, translator: TextTranslator, beam: int | None, length_penalty: float | None
    ) -> Strategy:
        """The search; for `--mbr` without `--beam`, a beam search for as many hypotheses."""
        if self.sample:
            given = {
                name: getattr(self, name) for name in ("temperature", "top_k", "top_p", "seed")
            }
            return Sample(**{name: value for name, value in given.items() if value is not None})
        return chosen_search(translator, self.mbr if beam is None else beam, length_penalty)

    def texts(self, texts: Iterable[str], translator: TextTranslator) -> Iterable[str]:
        """The texts, with the tag before each."""
        if self.tag is None:
            return texts
        from keras_s2s.inference.tags import with_tag

        return with_tag(texts, self.tag, translator.source_tokenizer)

    def stream(
        self,
        translator: TextTranslator,
        texts: Iterable[str],
        *,
        n_best: int = 1,
        **options: Any,
    ) -> Iterator[list[Any]]:
        """The translations of each text.

        Args:
            translator: The translator.
            texts: The texts, without tags.
            n_best: The number of translations.
            **options: Those of `TextTranslator.stream`, with what `search` returned.
        """
        texts = self.texts(texts, translator)
        count = self.mbr or n_best
        if self.sample:
            options["batch_size"] = max(1, min(64, ROWS // count))
        found = translator.stream(texts, n_best=count, **options)
        if self.mbr is None:
            return found
        from keras_s2s.evaluation.mbr import minimum_bayes_risk

        return minimum_bayes_risk(found, n_best=n_best, by_probability=not self.sample)
