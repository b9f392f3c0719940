"""The loop of the beam search, behind the public function of `beam.py`.

Letters beside those of the package: R results to return, C candidates of one step, T the room for
tokens. Live beams and ended hypotheses are kept apart, but their tokens share one array, so one
gather a step moves both.
"""

from typing import Any, NamedTuple

from keras import ops

from keras_s2s.search.attention_history import AttentionHistory
from keras_s2s.search.constrain import next_tokens
from keras_s2s.search.coverage import add_coverage, coverage_penalties, first_coverage
from keras_s2s.search.inputs import (
    NEVER,
    Fixed,
    Search,
    SearchInputs,
    SearchResult,
    StepFunction,
    Tensor,
)
from keras_s2s.search.loop import run_search_loop
from keras_s2s.search.rows import continue_histories, repeat_rows, take_each, take_rows
from keras_s2s.search.strategies import Beam


class BeamTask(NamedTuple):
    """One call of the beam search."""

    search: Beam
    n_best: int  # R
    patience: float
    inputs: SearchInputs


class BeamState(NamedTuple):
    """What one step of the search hands to the next."""

    step: Tensor  # int32 []: tokens chosen so far
    tokens: Tensor  # int32 [B * K]: last token of each beam
    live_log_probabilities: Tensor  # float32 [B, K]: -inf all along where the row has ended
    best_scores: Tensor  # float32 [B, R]: ended hypotheses, best first; -inf where there is none
    best_log_probabilities: Tensor  # float32 [B, R]
    ended_counts: Tensor  # float32 [B]: hypotheses that have ended so far
    ids: Tensor  # int32 [B, R + K, T]: of the R ended hypotheses, then of the K live beams
    attention: AttentionHistory  # of the steps so far; empty unless asked for
    coverage: Tensor | None  # float32 [B * K, S]: attention received so far; None unless penalized
    state: Any  # the step function's own, every tensor [B * K, ...]


class Candidates(NamedTuple):
    """The best continuations of the live beams, best first."""

    log_probabilities: Tensor  # float32 [B, C]
    scores: Tensor  # float32 [B, C]: penalised, as if each were a whole hypothesis
    tokens: Tensor  # int32 [B, C]
    parents: Tensor  # int32 [B, C]: beam that each continues


class Kept(NamedTuple):
    """What one step keeps: R results so far, then K live beams."""

    sources: Tensor  # int32 [B, R + K]: which of the last step's R + K histories each continues
    tokens: Tensor  # int32 [B, R + K]: what is appended; pad to results of earlier steps
    live_log_probabilities: Tensor  # float32 [B, K]
    best_scores: Tensor  # float32 [B, R]
    best_log_probabilities: Tensor  # float32 [B, R]
    ended_counts: Tensor  # float32 [B]


def length_divisor(length: Tensor, penalty: float) -> Tensor:
    """Return lp(length) of Wu et al. 2016, eq. 14."""
    return ops.power((5.0 + ops.cast(length, "float32")) / 6.0, penalty)


def run_beams(step: StepFunction, state: Any, task: BeamTask) -> SearchResult:
    """Run the loop; the step is checked."""
    search = Search(
        advance=lambda beams, fixed: _advance(step, beams, fixed, task),
        is_live=lambda beams: ops.any(beams.live_log_probabilities > NEVER, axis=1),
        take=_take,
        results=lambda beams: _results(beams, task),
    )
    mask = ops.cast(task.inputs.source_mask, "bool") if task.inputs.needs_weights else ()
    fixed = Fixed(task.inputs.limits, mask, (), task.inputs.constants or (), task.inputs.prefix)
    return run_search_loop(
        search, _first_state(state, task), fixed, task.inputs, task.search.beam_size
    )


def _results(beams: BeamState, task: BeamTask) -> SearchResult:
    ids = beams.ids[:, : task.n_best]
    lengths = ops.sum(ops.cast(ops.not_equal(ids, task.inputs.pad_id), "int32"), axis=-1)
    weights = beams.attention.of_results(lengths, task.search.beam_size)
    return SearchResult(ids, beams.best_scores, beams.best_log_probabilities, lengths, weights)


def _take(beams: BeamState, sentences: Tensor, rows: Tensor) -> BeamState:
    """The beams of some sentences alone, int32 `[M]`; their rows are int32 `[M * K]`."""
    others = beams._replace(step=None, tokens=None, attention=None, coverage=None, state=None)
    tokens, coverage, state = take_each((beams.tokens, beams.coverage, beams.state), rows)
    return take_each(others, sentences)._replace(
        step=beams.step,
        tokens=tokens,
        attention=beams.attention.take(sentences, rows),
        coverage=coverage,
        state=state,
    )


def _first_state(state: Any, task: BeamTask) -> BeamState:
    batch_size, beam_size, n_best = task.inputs.batch_size, task.search.beam_size, task.n_best
    histories = (batch_size, n_best + beam_size, task.inputs.capacity)
    # All beams start the same: only the first counts, or every hypothesis would come K times.
    may_begin = ops.logical_and(task.inputs.limits[:, None] > 0, ops.arange(beam_size) == 0)
    return BeamState(
        step=ops.zeros((), dtype="int32"),
        tokens=ops.full((batch_size * beam_size,), task.inputs.start_id, dtype="int32"),
        live_log_probabilities=ops.cast(ops.where(may_begin, 0.0, NEVER), "float32"),
        best_scores=ops.full((batch_size, n_best), NEVER, dtype="float32"),
        best_log_probabilities=ops.full((batch_size, n_best), NEVER, dtype="float32"),
        ended_counts=ops.zeros((batch_size,), dtype="float32"),
        ids=ops.full(histories, task.inputs.pad_id, dtype="int32"),
        attention=AttentionHistory.first(task.inputs, n_best, beam_size),
        coverage=first_coverage(task.search, task.inputs),
        state=repeat_rows(state, beam_size),
    )


def _advance(step: StepFunction, beams: BeamState, fixed: Fixed, task: BeamTask) -> BeamState:
    """Choose one more token for every live beam."""
    logits, state, weights = step(beams.tokens, beams.state, *fixed.constants)
    coverage = add_coverage(beams.coverage, weights)
    candidates = _expand(logits, coverage, beams, fixed, task)
    kept = _keep(candidates, beams, fixed, task)

    rows = task.search.beam_size * ops.arange(ops.shape(kept.sources)[0], dtype="int32")[:, None]
    from_rows = ops.reshape(rows + kept.sources[:, task.n_best :] - task.n_best, (-1,))  # [B * K]
    return BeamState(
        step=beams.step + 1,
        tokens=ops.reshape(kept.tokens[:, task.n_best :], (-1,)),
        live_log_probabilities=kept.live_log_probabilities,
        best_scores=kept.best_scores,
        best_log_probabilities=kept.best_log_probabilities,
        ended_counts=kept.ended_counts,
        ids=continue_histories(beams.ids, kept.sources, kept.tokens, beams.step),
        attention=beams.attention.add(weights, kept.sources, beams.step),
        coverage=take_each(coverage, from_rows),
        state=take_each(state, from_rows),
    )


def _expand(
    logits: Tensor, coverage: Tensor | None, beams: BeamState, fixed: Fixed, task: BeamTask
) -> Candidates:
    """Find the continuations that can matter.

    At most K of the best 2 K continuations end, so K live ones remain. For the same reason a beam
    can add at most its own best K + 1.
    """
    beam_size = task.search.beam_size
    log_probabilities, tokens = next_tokens(
        logits, beam_size + 1, lambda: beams.ids[:, task.n_best :], beams.step, fixed, task.inputs
    )
    width = tokens.shape[-1]  # K + 1, or the whole vocabulary
    shape = (-1, beam_size, width)
    totals = beams.live_log_probabilities[..., None] + ops.reshape(log_probabilities, shape)
    flat = (-1, beam_size * width)
    totals, indices = ops.top_k(ops.reshape(totals, flat), min(2 * beam_size, beam_size * width))
    parents = indices // width
    scores = totals / length_divisor(beams.step + 1, task.search.length_penalty)
    if coverage is not None:
        penalties = coverage_penalties(coverage, fixed.source_mask, task.search)
        scores = scores + take_rows(penalties, parents)
    return Candidates(totals, scores, take_rows(ops.reshape(tokens, flat), indices), parents)


def _keep(candidates: Candidates, beams: BeamState, fixed: Fixed, task: BeamTask) -> Kept:
    """Choose the results so far and the live beams of the next step."""
    n_best = task.n_best
    is_end = ops.equal(candidates.tokens, task.inputs.end_id)
    is_at_limit = beams.step + 1 >= fixed.limits  # [B]
    has_ended = _ended_within_beam(candidates, is_end, task)
    ended_counts = beams.ended_counts + ops.sum(ops.cast(has_ended, "float32"), axis=1)
    has_none = ops.logical_and(is_at_limit, ops.equal(ended_counts, 0.0))
    is_result = ops.where(has_none[:, None], ops.logical_not(is_end), has_ended)
    scores = ops.where(is_result, candidates.scores, NEVER)
    # Of equals `top_k` takes the first: a result stays as it is until a better one displaces it.
    best_scores, best_places = ops.top_k(
        ops.concatenate([beams.best_scores, scores], axis=1), n_best
    )
    live_log_probabilities, live_places = ops.top_k(
        ops.where(is_end, NEVER, candidates.log_probabilities), task.search.beam_size
    )
    # What is kept is found among the old results and the candidates, in this order: [B, R + C].
    indices = ops.concatenate([best_places, n_best + live_places], axis=1)

    def pick(of_results: Tensor, of_candidates: Tensor) -> Tensor:  # [B, R + K]
        return take_rows(ops.concatenate([of_results, of_candidates], axis=1), indices)

    old = ops.zeros_like(best_places) + ops.arange(n_best, dtype="int32")
    log_probabilities = pick(beams.best_log_probabilities, candidates.log_probabilities)
    live_scores = pick(beams.best_scores, candidates.scores)[:, n_best:]
    kept = Kept(
        sources=pick(old, n_best + candidates.parents),
        tokens=pick(ops.full_like(old, task.inputs.pad_id), candidates.tokens),
        live_log_probabilities=live_log_probabilities,
        best_scores=best_scores,
        best_log_probabilities=log_probabilities[:, :n_best],
        ended_counts=ended_counts,
    )
    is_over = ops.logical_or(is_at_limit, _is_decided(kept, live_scores, fixed, task))
    return kept._replace(
        live_log_probabilities=ops.where(is_over[:, None], NEVER, live_log_probabilities)
    )


def _ended_within_beam(candidates: Candidates, is_end: Tensor, task: BeamTask) -> Tensor:
    """Return which candidates are whole hypotheses `[B, C]`: ended, and among the best K.

    An end mark that is less likely than K other continuations would not survive in a beam of K.
    """
    is_within_beam = ops.arange(candidates.tokens.shape[1]) < task.search.beam_size
    is_alive = candidates.log_probabilities > NEVER
    return ops.logical_and(ops.logical_and(is_end, is_alive), is_within_beam)


def _is_decided(kept: Kept, live_scores: Tensor, fixed: Fixed, task: BeamTask) -> Tensor:
    """Return which rows need no further step `[B]`.

    No live beam can overtake the last result: this changes nothing, since log-probabilities only
    fall, the length divisor is largest at the limit, and a coverage penalty is at most 0. Or so
    many hypotheses have ended that the patience is over, and no live beam is ahead of the last
    result now; the number alone would let K unlikely ends cut off a likely beginning.
    """
    live = kept.live_log_probabilities
    last = kept.best_scores[:, -1:]
    highest = live / length_divisor(fixed.limits, task.search.length_penalty)[:, None]
    is_beaten = ops.logical_or(live_scores <= last, ops.equal(live, NEVER))
    is_patience_over = kept.ended_counts >= task.patience * task.search.beam_size
    return ops.logical_or(
        ops.all(highest <= last, axis=1),
        ops.logical_and(is_patience_over, ops.all(is_beaten, axis=1)),
    )
