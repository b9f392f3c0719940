// What the hypotheses of a search must and must not be, as `keras_s2s.Constraints`; the rules are
// those of `export/numpy_constraints.py`.

import {END, PAD, START} from './tokenizer.js';

/**
 * @typedef {object} Constraints All are optional; by default nothing is constrained.
 * @property {number} minimumLength Shortest hypothesis in tokens, end mark included.
 * @property {number} noRepeatNgramSize No sequence of this many tokens occurs twice; 0 for no limit.
 * @property {number} repetitionPenalty Multiplies the log-probabilities of tokens that a hypothesis
 *     already has; at least 1.
 * @property {number[][]} forbidden Sequences of ids that must not occur, as `keras_s2s.forbid` makes
 *     them from words.
 * @property {number[]} boundaries Ids after which a word may begin.
 */

const NONE = {
  minimumLength: 0,
  noRepeatNgramSize: 0,
  repetitionPenalty: 1,
  forbidden: [],
  boundaries: [],
};

/** The rules for one search. */
export class Rules {
  /**
   * @param {Constraints} constraints
   * @param {number[]} prefix Ids that every hypothesis begins with.
   * @throws {RangeError} A number is out of range, or a sequence is empty.
   */
  constructor(constraints = {}, prefix = []) {
    const all = {...NONE, ...constraints};
    const numbers = [all.minimumLength, all.noRepeatNgramSize];
    if (!numbers.every((one) => Number.isInteger(one) && one >= 0)) {
      throw new RangeError(
        'minimumLength and noRepeatNgramSize must be whole numbers, at least 0. ' +
          `Received: ${numbers.join(' and ')}`,
      );
    }
    if (!(all.repetitionPenalty >= 1 && all.repetitionPenalty < Infinity)) {
      throw new RangeError(
        'repetitionPenalty must be at least 1 and finite. ' +
          `Received: repetitionPenalty=${all.repetitionPenalty}`,
      );
    }
    if (!all.forbidden.every((sequence) => sequence.length)) {
      throw new RangeError('a forbidden sequence must have ids. Received: none');
    }
    Object.assign(this, all, {prefix, boundaries: new Set(all.boundaries)});
    this.areNone = !prefix.length && Object.keys(NONE).every((name) => isDefault(all, name));
    this.lengths = new Set();
    this.endings = new Map(); // The last ids of the forbidden sequences, by what comes before them.
    for (const sequence of all.forbidden) {
      const beginning = sequence.slice(0, -1);
      this.lengths.add(beginning.length);
      const known = this.endings.get(beginning.join()) ?? [];
      this.endings.set(beginning.join(), [...known, sequence.at(-1)]);
    }
  }

  /**
   * Applies the rules.
   *
   * @param {Float32Array} own V log-probabilities of the model.
   * @param {number[]} ids The hypothesis so far.
   * @returns {Float32Array} V log-probabilities; -Infinity where a token may not follow.
   */
  apply(own, ids) {
    if (ids.length < this.prefix.length) {
      const forced = this.prefix[ids.length];
      return own.map((value, id) => (id === forced ? value : -Infinity));
    }
    const values = own.slice();
    const penalty = Math.fround(this.repetitionPenalty);
    for (const id of new Set(ids)) values[id] *= penalty;
    const banned = new Set([PAD, START, ...this.repeating(ids), ...this.completing(ids)]);
    if (ids.length + 1 < this.minimumLength && banned.size < own.length - 1) banned.add(END);
    for (const id of banned) values[id] = -Infinity;
    return values;
  }

  /** What followed the last ids where they occurred before. */
  *repeating(ids) {
    const size = this.noRepeatNgramSize;
    if (!size) return;
    const last = ids.slice(ids.length - size + 1).join();
    for (let end = size - 1; end < ids.length; end++) {
      if (ids.slice(end - size + 1, end).join() === last) yield ids[end];
    }
  }

  /** The ids that would complete a forbidden sequence. */
  *completing(ids) {
    const history = [START, ...ids];
    for (const length of this.lengths) {
      if (length > history.length) continue;
      const last = history.slice(history.length - length);
      yield* this.endings.get(last.join()) ?? [];
      if (this.boundaries.has(last[0])) {
        yield* this.endings.get([START, ...last.slice(1)].join()) ?? [];
      }
    }
  }
}

function isDefault(all, name) {
  return Array.isArray(NONE[name]) ? !all[name].length : all[name] === NONE[name];
}
