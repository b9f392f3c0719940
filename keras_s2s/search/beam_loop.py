"""The loop of the beam search, behind the public function of `beam.py`.

Letters beside those of the package: R results to return, C candidates of one step, T the room for
tokens. Live beams and ended hypotheses are kept apart, but their tokens share one array, so one
gather a step moves both.
"""

from typing import Any, NamedTuple

from keras import ops

from keras_s2s.search.candidates import best_tokens
from keras_s2s.search.inputs import NEVER, SearchInputs, StepFunction, Tensor
from keras_s2s.search.loop import Fixed, Search, run_search_loop
from keras_s2s.search.rows import repeat_rows, take_rows
from keras_s2s.search.strategies import Beam
from keras_s2s.search.structure import map_tensors

COVERAGE_FLOOR = 1e-10  # Keeps the penalty finite where the attention was exactly zero.


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
    origins: Tensor  # int32 [B, R + K, T]: history that each token continued; () like weights
    weights: Tensor  # float32 [T, B * K, S]: attention of every step; () unless asked for
    coverage: Tensor  # float32 [B * K, S]: attention received so far; () without coverage penalty
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


def run_beams(
    step: StepFunction, state: Any, task: BeamTask
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]:
    """Run the loop and return the fields of a `SearchResult`."""
    step = task.inputs.checked(step, state)
    search = Search(
        advance=lambda beams, fixed: _advance(step, beams, fixed, task),
        is_live=lambda beams: ops.any(beams.live_log_probabilities > NEVER, axis=1),
        take=lambda beams, indices: _take(beams, indices, task.search.beam_size),
        results=lambda beams: _results(beams, task),
    )
    mask = ops.cast(task.inputs.source_mask, "bool") if task.inputs.needs_weights else ()
    fixed = Fixed(task.inputs.limits, mask, (), task.inputs.constants or ())
    ids, scores, log_probabilities, lengths, weights = run_search_loop(
        search, _first_state(state, task), fixed, task.inputs, task.search.beam_size
    )
    weights = weights if task.inputs.return_weights else None
    return ids, scores, log_probabilities, lengths, weights


def _results(beams: BeamState, task: BeamTask) -> tuple:
    """The fields of a `SearchResult`; without attention weights `()` in their place."""
    ids = beams.ids[:, : task.n_best]
    lengths = ops.sum(ops.cast(ops.not_equal(ids, task.inputs.pad_id), "int32"), axis=-1)
    weights = _weights_of_results(beams, lengths, task) if task.inputs.return_weights else ()
    return ids, beams.best_scores, beams.best_log_probabilities, lengths, weights


def _take(beams: BeamState, indices: Tensor, beam_size: int) -> BeamState:
    """The beams of some sentences alone."""
    rows = ops.reshape(indices[:, None] * beam_size + ops.arange(beam_size, dtype="int32"), (-1,))
    of_beams = {name: getattr(beams, name) for name in ("tokens", "coverage", "state")}
    of_sentences = beams._replace(step=(), weights=(), **dict.fromkeys(of_beams, ()))

    def take(values: Any, rows: Tensor, axis: int) -> Any:
        return map_tensors(lambda tensor: ops.take(tensor, rows, axis=axis), values)

    return take(of_sentences, indices, 0)._replace(
        step=beams.step, weights=take(beams.weights, rows, 1), **take(of_beams, rows, 0)
    )


def _first_state(state: Any, task: BeamTask) -> BeamState:
    batch_size, beam_size, n_best = task.inputs.batch_size, task.search.beam_size, task.n_best
    rows = batch_size * beam_size
    # All beams start the same: only the first counts, or every hypothesis would come K times.
    may_begin = ops.logical_and(task.inputs.limits[:, None] > 0, ops.arange(beam_size) == 0)
    histories = (batch_size, n_best + beam_size, task.inputs.capacity)
    ids = ops.full(histories, task.inputs.pad_id, dtype="int32")
    origins, weights, coverage = (), (), ()
    if task.inputs.return_weights:
        source_length = ops.shape(task.inputs.source_mask)[1]
        origins = ops.zeros(histories, dtype="int32")
        weights = ops.zeros((task.inputs.capacity, rows, source_length), dtype="float32")
    if task.search.coverage_penalty:
        source_length = ops.shape(task.inputs.source_mask)[1]
        coverage = ops.zeros((rows, source_length), dtype="float32")
    return BeamState(
        step=ops.zeros((), dtype="int32"),
        tokens=ops.full((rows,), task.inputs.start_id, dtype="int32"),
        live_log_probabilities=ops.cast(ops.where(may_begin, 0.0, NEVER), "float32"),
        best_scores=ops.full((batch_size, n_best), NEVER, dtype="float32"),
        best_log_probabilities=ops.full((batch_size, n_best), NEVER, dtype="float32"),
        ended_counts=ops.zeros((batch_size,), dtype="float32"),
        ids=ids,
        origins=origins,
        weights=weights,
        coverage=coverage,
        state=repeat_rows(state, beam_size),
    )


def _advance(step: StepFunction, beams: BeamState, fixed: Fixed, task: BeamTask) -> BeamState:
    """Choose one more token for every live beam."""
    logits, state, weights = step(beams.tokens, beams.state, *fixed.constants)
    coverage, all_weights = beams.coverage, beams.weights
    if task.search.coverage_penalty:
        coverage = coverage + ops.cast(weights, "float32")
    if task.inputs.return_weights:
        now = ops.reshape(beams.step, (1, 1))
        all_weights = ops.scatter_update(all_weights, now, ops.cast(weights, "float32")[None])
    candidates = _expand(logits, coverage, beams, fixed, task)
    kept = _keep(candidates, beams, fixed, task)

    rows = task.search.beam_size * ops.arange(ops.shape(kept.sources)[0], dtype="int32")[:, None]
    from_rows = ops.reshape(rows + kept.sources[:, task.n_best :] - task.n_best, (-1,))

    def follow(tensor: Tensor) -> Tensor:  # [B * K, ...]
        return ops.take(tensor, from_rows, axis=0)

    def append(histories: Tensor, entries: Tensor) -> Tensor:  # int32 [B, R + K, T]
        is_now = ops.equal(ops.arange(task.inputs.capacity, dtype="int32"), beams.step)
        return ops.where(is_now, entries[..., None], take_rows(histories, kept.sources))

    return BeamState(
        step=beams.step + 1,
        tokens=ops.reshape(kept.tokens[:, task.n_best :], (-1,)),
        live_log_probabilities=kept.live_log_probabilities,
        best_scores=kept.best_scores,
        best_log_probabilities=kept.best_log_probabilities,
        ended_counts=kept.ended_counts,
        ids=append(beams.ids, kept.tokens),
        origins=append(beams.origins, kept.sources) if task.inputs.return_weights else (),
        weights=all_weights,
        coverage=follow(coverage) if task.search.coverage_penalty else (),
        state=map_tensors(follow, state),
    )


def _expand(
    logits: Tensor, coverage: Tensor, beams: BeamState, fixed: Fixed, task: BeamTask
) -> Candidates:
    """Find the continuations that can matter.

    At most K of the best 2 K continuations end, so K live ones remain. For the same reason a beam
    can add at most its own best K + 1.
    """
    beam_size = task.search.beam_size
    log_probabilities, tokens = best_tokens(logits, beam_size + 1, task.inputs.never_chosen)
    width = tokens.shape[-1]  # K + 1, or the whole vocabulary
    shape = (-1, beam_size, width)
    totals = beams.live_log_probabilities[..., None] + ops.reshape(log_probabilities, shape)
    flat = (-1, beam_size * width)
    totals, indices = ops.top_k(ops.reshape(totals, flat), min(2 * beam_size, beam_size * width))
    parents = indices // width
    scores = totals / length_divisor(beams.step + 1, task.search.length_penalty)
    if task.search.coverage_penalty:
        penalties = _coverage_penalties(coverage, fixed, task)
        scores = scores + take_rows(penalties, parents)
    return Candidates(totals, scores, take_rows(ops.reshape(tokens, flat), indices), parents)


def _coverage_penalties(coverage: Tensor, fixed: Fixed, task: BeamTask) -> Tensor:
    """Return cp of Wu et al. 2016, eq. 14, for each beam, `[B, K]`."""
    shape = (-1, task.search.beam_size, ops.shape(coverage)[1])
    logs = ops.log(ops.clip(ops.reshape(coverage, shape), COVERAGE_FLOOR, 1.0))
    real = ops.where(fixed.source_mask[:, None], logs, 0.0)
    return task.search.coverage_penalty * ops.sum(real, axis=-1)


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


def _weights_of_results(final: BeamState, lengths: Tensor, task: BeamTask) -> Tensor:
    """Collect the attention weights of the results, float32 `[B, R, T, S]`."""
    times = ops.arange(task.inputs.capacity, dtype="int32")  # [T]
    row_count, source_length = ops.shape(final.weights)[1:]
    rows = ops.arange(0, row_count, task.search.beam_size, dtype="int32")[:, None, None]
    beams = final.origins[:, : task.n_best] - task.n_best
    is_token = times < lengths[..., None]  # [B, R, T]
    indices = ops.where(is_token, times * row_count + rows + beams, 0)
    weights = ops.take(ops.reshape(final.weights, (-1, source_length)), indices, axis=0)
    return ops.where(is_token[..., None], weights, 0.0)
