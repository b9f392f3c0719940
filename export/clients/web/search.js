// Greedy and beam search for one sentence, with the rules of `export/numpy_search.py`.

import {Rules} from './constraints.js';
import {END, PAD, START} from './tokenizer.js';

const NO_NUMBERS = 'the model gives no numbers';
const FREE = new Rules();

/**
 * @typedef {object} Hypothesis A hypothesis, complete or partial.
 * @property {number} score The score that hypotheses are ranked by.
 * @property {number} logProbability Natural logarithm of its probability.
 * @property {number[]} ids T ids, with the end mark unless it is partial or was cut off.
 * @property {Float32Array[]} attention T rows of S attention weights; no rows without attention.
 *
 * @typedef {object} Step The outputs of one decoding step.
 * @property {Float32Array} logits V logits of the next token.
 * @property {Float32Array} state State for the next step.
 * @property {Float32Array} [attention] S attention weights.
 */

/**
 * Finds the best hypothesis; a beam size of 1 is greedy search.
 *
 * @param {(token: number, state: Float32Array) => Promise<Step>} step One step of one hypothesis.
 * @param {Float32Array} state Initial state, before the first token.
 * @param {number} limit Longest hypothesis in tokens, end mark included; at least 1.
 * @param {{beamSize: number, lengthPenalty: number, coveragePenalty: number, rules?: Rules}} options
 *     As for `keras_s2s.beam_search`.
 * @yields {Hypothesis} After each step the best partial hypothesis; the last one is the result.
 * @throws {Error} The model returns no finite numbers.
 *
 * Source: Wu et al. 2016, "Google's Neural Machine Translation System", eq. 14.
 */
export async function* beamSearch(step, state, limit, options) {
  let live = [{logProbability: 0, score: 0, ids: [], attention: [], state}];
  let result = null;
  let endedCount = 0;
  for (let length = 1; ; length++) {
    const found = await expand(step, live, options);
    let ended = found.slice(0, options.beamSize).filter(hasEnded);
    const going = found.filter((one) => !hasEnded(one));
    endedCount += ended.length;
    const isLast = length === limit;
    if (isLast && !endedCount) ended = going;
    for (const one of ended) if (!result || one.score > result.score) result = one;
    live = going.slice(0, options.beamSize);
    if (isLast || !live.length || isDecided(live, result, endedCount, limit, options)) break;
    yield live[0];
  }
  yield result;
}

/** Whether no live hypothesis can win, or enough have ended and none is ahead now. */
function isDecided(live, result, endedCount, limit, {beamSize, lengthPenalty}) {
  if (!result) return false;
  const bound = divisor(limit, lengthPenalty);
  return (
    live.every((one) => one.logProbability / bound <= result.score) ||
    (endedCount >= beamSize && live.every((one) => one.score <= result.score))
  );
}

const hasEnded = (one) => one.ids.at(-1) === END;

/** The best 2 K continuations of all live hypotheses, each with its next state. */
async function expand(step, live, {beamSize, lengthPenalty, coveragePenalty, rules = FREE}) {
  const candidates = [];
  for (const beam of live) {
    const {logits, state, attention} = await step(beam.ids.at(-1) ?? START, beam.state);
    const best = rules.areNone
      ? bestTokens(logits, beamSize + 1)
      : bestAllowed(logits, beamSize + 1, beam.ids, rules);
    for (const [id, value] of best) {
      const logProbability = Math.fround(beam.logProbability + value);
      candidates.push({beam, id, logProbability, state, attention});
    }
  }
  if (!candidates.length) throw new Error(NO_NUMBERS);
  candidates.sort((a, b) => b.logProbability - a.logProbability);
  return candidates.slice(0, 2 * beamSize).map((one) => {
    const ids = [...one.beam.ids, one.id];
    const attention = one.attention ? [...one.beam.attention, one.attention] : [];
    let score = one.logProbability / divisor(ids.length, lengthPenalty);
    if (coveragePenalty) score += coveragePenalty * coverage(attention);
    return {logProbability: one.logProbability, score, ids, attention, state: one.state};
  });
}

/** The most likely tokens with their log-probabilities, best first; of equal ones, the lower id. */
function bestTokens(logits, count) {
  const best = largestOf(logits, count);
  const largest = Math.max(best[0]?.[1], logits[PAD], logits[START]);
  const logSum = logSumOf(logits, largest);
  return best.map(([id, value]) => [id, Math.fround(Math.fround(value - largest) - logSum)]);
}

/** The most likely tokens that may follow, with their log-probabilities. */
function bestAllowed(logits, count, ids, rules) {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const logSum = logSumOf(logits, largest);
  const own = logits.map((value) => Math.fround(value - largest) - logSum);
  return largestOf(rules.apply(own, ids), count);
}

/** The largest values with their ids. */
function largestOf(logits, count) {
  const best = [];
  let least = -Infinity; // Logits up to this are skipped.
  for (let id = 0; id < logits.length; id++) {
    const value = logits[id];
    if (!(value > least) || id === PAD || id === START) continue;
    let place = best.length;
    while (place && value > best[place - 1][1]) place--;
    best.splice(place, 0, [id, value]);
    if (best.length > count) best.pop();
    if (best.length === count) least = best[count - 1][1];
  }
  return best;
}

/** The logarithm of the sum of exp(logit - largest). */
function logSumOf(logits, largest) {
  let sum = 0;
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id] - largest);
  if (!Number.isFinite(sum)) throw new Error(NO_NUMBERS);
  return Math.fround(Math.log(sum));
}

function divisor(length, penalty) {
  return ((5 + length) / 6) ** penalty;
}

function coverage(attention) {
  let sum = 0;
  for (let place = 0; place < attention[0].length; place++) {
    const seen = attention.reduce((total, weights) => Math.fround(total + weights[place]), 0);
    sum += Math.log(Math.min(Math.max(seen, 1e-10), 1));
  }
  return sum;
}
