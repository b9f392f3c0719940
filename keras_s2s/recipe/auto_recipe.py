"""A recipe that is completed from the data and the machine when the training begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from keras_s2s.data.profile import SAMPLE, Profile, profile_of, profile_of_stream
from keras_s2s.recipe.auto import TEXT_RULES, choose
from keras_s2s.recipe.combinations import OF_TEACHERS
from keras_s2s.recipe.config import ALTERNATIVES, Recipe
from keras_s2s.recipe.estimate import seconds_of_steps
from keras_s2s.recipe.known import EFFORTS, Choice, Known
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.start_options import options_of_teachers
from keras_s2s.text.option_fields import need
from keras_s2s.text.options import TextOptions

if TYPE_CHECKING:
    from keras_s2s.data.corpus import Corpus
    from keras_s2s.data.pairs import Pairs
    from keras_s2s.data.prepared_corpus import PreparedCorpus
    from keras_s2s.recipe.start import Start


# Options that a `recipe.json` always gives.
IN_EVERY_RECIPE = {
    "teachers",
    *(name for name in Recipe.CHOSEN if getattr(Recipe, name) is not None),
}
MANY = 20  # epochs; in fewer, the validation hardly stops improving


class AutoRecipe:
    """Options that are chosen from the data and the machine, except for those that are given.

    Args:
        effort: "quick" to see in some minutes whether the data are right; "normal"; or "thorough"
            for the best model, which learns from several that are trained first.
        **given: Options of a `Recipe`. They are not chosen, and the choice of the others takes them
            into account.

    Raises:
        TypeError: An option is unknown, or of another type.
        ValueError: An option is out of range, or would be ignored.

    Example:
        >>> pairs = [("bad", "B AE D"), ("dad", "D AE D"), ("add", "AE D")] * 50
        >>> recipe = AutoRecipe(units=64, precision="float32").choose(pairs)
        >>> recipe.source_tokenizer, recipe.target_tokenizer, recipe.embedding_dimension
        ('character', 'word', 32)
    """

    def __init__(self, *, effort: str = "normal", **given: Any) -> None:
        need(effort in EFFORTS, f"one of {EFFORTS}", "effort", effort)
        if given.keys() >= IN_EVERY_RECIPE:
            need(effort == "normal", "left out where all options are given", "effort", effort)
        for name in given.keys() - {field.name for field in fields(Recipe)}:
            raise TypeError(f"`AutoRecipe` takes options of `Recipe`. Received: {name!r}")
        if effort == "thorough" and given.get("teachers") != 0:
            words, minutes = "left out with effort='thorough'", given.get("minutes")
            need(minutes is None, words, "minutes", minutes)
        Recipe(**given)
        self.effort = effort
        self.given: dict[str, Any] = given

    def choose(
        self,
        pairs: Pairs | Corpus | PreparedCorpus,
        report: Callable[[str], None] | None = None,
        *,
        is_alone: bool = True,
    ) -> Recipe:
        """Choose the other options.

        Args:
            pairs: The pairs to train on, at least one; also a `Corpus`, which is read once.
            report: Receives a table of the choices, line by line; `None` for none.
            is_alone: Whether this machine trains alone; with others, nothing is measured.

        Returns:
            The recipe.

        Raises:
            ValueError: There is no pair.
        """
        from keras_s2s.training.machine import product_speed

        profile, given = _profile(pairs), {**_settled(pairs), **self.given}
        measure = product_speed if is_alone else None
        known, chosen = choose(profile, given, self.effort, measure)
        if report is not None and chosen:
            for line in [*_table(profile, chosen), *_estimate(known)]:
                report(line)
        return Recipe(**known.options)

    def choose_text(
        self, pairs: Iterable[tuple[str, str]], report: Callable[[str], None] | None = None
    ) -> TextOptions:
        """Choose the tokenizers alone, as for a corpus to prepare.

        Args:
            pairs: The pairs, at least one. They are read once, such as those of a `Corpus`, and
                need not fit into memory.
            report: As for `choose`.

        Returns:
            The options of the texts.

        Raises:
            ValueError: There is no pair.

        Example:
            >>> pairs = [("bad", "B AE D"), ("dad", "D AE D"), ("add", "AE D")] * 50
            >>> AutoRecipe().choose_text(pairs).target_tokenizer
            'word'
        """
        profile = profile_of_stream(pairs)
        known, chosen = choose(profile, self.given, self.effort, rules=TEXT_RULES)
        if report is not None and chosen:
            for line in _table(profile, chosen):
                report(line)
        names = [field.name for field in fields(TextOptions)]
        return TextOptions(**{name: known[name] for name in names})


def complete_recipe(
    recipe: Recipe | AutoRecipe | None,
    pairs: Pairs | PreparedCorpus,
    start: Start,
    run: Run,
    recorded: dict[str, Any],
    report: Callable[[str], None],
) -> Recipe:
    """The recipe of a training: as it was given, as it was recorded, or chosen now.

    Args:
        recipe: The recipe as it was given; `None` to choose all options.
        pairs: The data.
        start: What the training starts from. A trained model brings its own options, and what it
            does not settle keeps the usual defaults.
        run: Where the training runs.
        recorded: What a resumed training began with, see `read_record`; empty for a new one.
        report: Receives the choices.

    Raises:
        ValueError: An effort was chosen for a trained model, or more than there is to do.
    """
    if isinstance(recipe, Recipe):
        return recipe
    auto = recipe or AutoRecipe()
    if start.translator is not None:
        words = "left out with a trained model to start from"
        need(auto.effort == "normal", words, "effort", auto.effort)
        return _resumed(recorded, auto) if recorded else Recipe(**auto.given)
    if start.teachers:
        words = "quick or normal with teachers that are given"
        need(auto.effort != "thorough", words, "effort", auto.effort)
    if recorded:
        return _resumed(recorded, auto)
    known = {**start.settled_options(), **options_of_teachers(start), **auto.given}
    return AutoRecipe(effort=auto.effort, **known).choose(
        pairs, report, is_alone=not run.has_workers
    )


def effort_of(recipe: Recipe | AutoRecipe | None, recorded: dict[str, Any]) -> str:
    """The effort of a training, or that with which a resumed one began.

    Args:
        recipe: As for `complete_recipe`.
        recorded: As for `complete_recipe`.

    Raises:
        ValueError: It began with another effort than the one that is given.
    """
    own = recipe.effort if isinstance(recipe, AutoRecipe) else "normal"
    begun = recorded.get("effort")
    begun = begun if begun in EFFORTS else own
    is_same = own in ("normal", begun)  # "normal" is the default, and need not be given.
    need(is_same, f"{begun!r}, with which the training began", "effort", own)
    return begun


def _resumed(recorded: dict[str, Any], auto: AutoRecipe) -> Recipe:
    """The recorded options, with those that are given: who resumes compares them with the record.

    Options that were recorded by a later version, or that exclude a given one, are left out.
    """
    names = {field.name for field in fields(Recipe)}
    for one, other in ALTERNATIVES:
        names -= {other} if one in auto.given else set()
    for one, others in (("minutes", {"teachers", *OF_TEACHERS}), ("teachers", {"minutes"})):
        names -= others if auto.given.get(one) else set()
    known = {name: value for name, value in recorded["recipe"].items() if name in names}
    return Recipe(**{**known, **auto.given})


def _settled(pairs: Pairs | Corpus | PreparedCorpus) -> Mapping[str, Any]:
    """The options that a prepared corpus settles."""
    return getattr(pairs, "options", {})


def _profile(pairs: Pairs | Corpus | PreparedCorpus) -> Profile:
    from keras_s2s.data.prepared_corpus import PreparedCorpus

    if isinstance(pairs, PreparedCorpus):
        return profile_of(pairs.first_pairs(SAMPLE))._replace(pairs=pairs.pairs)
    if isinstance(pairs, Sequence):
        need(len(pairs) > 0, "one pair or more", "pairs", [])
        return profile_of(pairs)
    return profile_of_stream(pairs)


def _estimate(known: Known) -> list[str]:
    """How long the training will take, with what `minutes` changes about it."""
    from keras_s2s.training.progress import duration

    seconds, minutes = seconds_of_steps(known), known["minutes"]
    if not seconds:
        return []
    line = f"all steps take about {duration(seconds)} on this machine"
    if known["teachers"]:
        line = f"{line}, for the teachers and the model together"
    steps = known["steps"] or known["epochs"] * known.steps_per_epoch
    if known["schedule"] == "plateau" and steps > MANY * known.steps_per_epoch:
        line += "; training ends when the validation stops improving, often in a third of this time"
    if minutes is not None and 60 * minutes < seconds:
        line += f"; the schedule is shortened to {duration(60 * minutes)}"
    return [line]


def _table(profile: Profile, chosen: Sequence[Choice]) -> list[str]:
    head = f"chosen for {profile.pairs:,} pairs; each can be given as an option instead:"
    rows = [(one.name.replace("_", "-"), str(one.value), one.reason) for one in chosen]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"  {name:{widths[0]}}  {value:{widths[1]}}  {why}" for name, value, why in rows]
    return [head, *lines]
