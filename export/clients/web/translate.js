// Translates texts with a LiteRT export, as `keras_s2s.export.LiteRTTranslator` does.

import {Rules} from './constraints.js';
import {beamSearch} from './search.js';
import {END, PAD, START, UNKNOWN, loadTokenizer} from './tokenizer.js';

const FORMAT = 'keras-s2s export';
const VERSION = 1; // Format version of the folder.
const WIDEST = 1000; // Largest beam size.
const MOST_FACTOR = 10; // Of the default limit, as `export/artifact.py` checks it.
const MOST_CONSTANT = 1000;
// The limit of exports from before the manifest had it.
const UNRECORDED_LIMIT = {factor: 3, constant: 20};

/**
 * @typedef {object} Answer A translation, complete or partial.
 * @property {string} text
 * @property {number[]} ids T ids, with the end mark unless it is partial or was cut off.
 * @property {string[]} pieces The T tokens as text.
 * @property {string[]} sourcePieces The S tokens that the encoder read, end mark included.
 * @property {Float32Array[]} attention T rows of S attention weights; no rows if the model has no
 *     attention.
 */

/** Translates with an export, on the user's device. */
export class Translator {
  /**
   * Opens an export and verifies every file that it reads.
   *
   * @param {(name: string) => Promise<Uint8Array>} read Reads a file of the folder.
   * @param {object} litert The module `@litertjs/core`, with its WebAssembly loaded.
   * @returns {Promise<Translator>}
   * @throws {Error} It is no LiteRT export, or a damaged one; the message says what is wrong.
   */
  static async open(read, litert) {
    const manifest = parse(await read('manifest.json'), 'manifest.json');
    checkManifest(manifest);
    const readChecked = async (name) => {
      const bytes = await read(name);
      await checkDigest(bytes, manifest.sha256[name], name);
      return bytes;
    };
    const tokenizers = ['source', 'target'].map((side) =>
      loadTokenizer(async (name) => {
        const path = `${manifest.tokenizers[side]}/${name}`;
        return parse(await readChecked(path), path);
      }),
    );
    const [file, source, target] = await Promise.all([readChecked(manifest.file), ...tokenizers]);
    const {logits} = manifest.signatures.decode_step.outputs;
    if (target.vocabularySize !== logits.shape.at(-1)) {
      throw new Error('the model and its target tokenizer have different vocabularies');
    }
    const model = await LiteRtModel.compile(file, manifest, litert);
    return new Translator(manifest, source, target, model);
  }

  constructor(manifest, source, target, model) {
    Object.assign(this, {manifest, source, target, model});
    /** Longest source in tokens, end mark included. */
    this.longest = manifest.lengths.at(-1);
    /** The longest translation: `factor` times the source's tokens, plus `constant`. */
    this.limit = limitOf(manifest);
  }

  /** Whether the model returns attention weights. */
  get hasAttention() {
    return 'attention' in this.manifest.signatures.decode_step.outputs;
  }

  /**
   * Translates one text.
   *
   * @param {string} text The source; truncated to `longest` tokens, end mark included.
   * @param {{beamSize?: number, tag?: string, prefix?: string,
   *     constraints?: import('./constraints.js').Constraints}} options A beam size of 1 is greedy
   *     search; by default that of the export. The tag is put before the text, see
   *     `Tokenizer.withTag`. Every translation begins with `prefix`.
   * @yields {Answer} The partial translation after each token; the last one is the result.
   * @throws {Error} The prefix is too long, or a number is out of range.
   */
  async *stream(
    text,
    {beamSize = this.manifest.options.beam_size, tag, prefix = '', constraints = {}} = {},
  ) {
    const rules = new Rules(constraints, this.target.encode(prefix));
    const known = this.source.encode(tag === undefined ? text : this.source.withTag(text, tag));
    if (!known.length) {
      yield {text: '', ids: [], pieces: [], sourcePieces: [], attention: []};
      return;
    }
    const ids = [...known.slice(0, this.longest - 1), END];
    const sourcePieces = this.source.pieces(ids);
    const options = {
      beamSize,
      lengthPenalty: beamSize === 1 ? 0 : this.manifest.options.length_penalty,
      coveragePenalty: beamSize === 1 ? 0 : this.manifest.options.coverage_penalty,
      rules,
    };
    const usual = this.limit.factor * ids.length + this.limit.constant;
    const limit = Math.max(usual, rules.minimumLength);
    if (rules.prefix.length >= limit) {
      const count = rules.prefix.length;
      throw new Error(`the prefix must have fewer than ${limit} tokens. Received: ${count}`);
    }
    const sentence = await this.model.encode(ids);
    try {
      const step = (token, state) => sentence.decodeStep(token, state);
      for await (const found of beamSearch(step, sentence.state, limit, options)) {
        const pieces = this.target.pieces(found.ids);
        const {attention} = found;
        yield {text: this.target.decode(found.ids), ids: found.ids, pieces, sourcePieces, attention};
      }
    } finally {
      sentence.delete();
    }
  }

  /** The result of `stream`. */
  async translate(text, options) {
    let answer;
    for await (answer of this.stream(text, options));
    return answer;
  }
}

/** Runs the two functions of an export with LiteRT.js. */
class LiteRtModel {
  static async compile(bytes, manifest, litert) {
    let model;
    try {
      model = await litert.loadAndCompile(bytes, {accelerator: 'wasm'});
    } catch (error) {
      throw new Error(`${manifest.file} can't be run by LiteRT: ${error.message ?? error}`);
    }
    return new LiteRtModel(model, manifest, litert);
  }

  constructor(model, manifest, litert) {
    Object.assign(this, {model, litert, lengths: manifest.lengths});
  }

  /** Encodes a sentence; the result holds tensors and must be deleted. */
  async encode(ids) {
    const room = this.lengths.find((length) => length >= ids.length);
    const signature = this.model.signatures[encodeSignature(room, this.lengths)];
    const tokens = new Int32Array(room);
    tokens.set(ids);
    const length = new this.litert.Tensor(Int32Array.of(ids.length), [1]);
    const given = {tokens: new this.litert.Tensor(tokens, [1, room]), length};
    const {state, ...fixed} = await signature.run(given);
    given.tokens.delete();
    return new Sentence(this, ids.length, take(state), {...fixed, length});
  }
}

/** An encoded sentence; the outputs of `encode` except the state stay in LiteRT's memory. */
class Sentence {
  constructor({model, litert}, length, state, fixed) {
    Object.assign(this, {litert, length, state, fixed, run: model.signatures.decode_step});
  }

  /** Computes one decoding step; see `Step` in search.js. */
  async decodeStep(token, state) {
    const own = {
      token: new this.litert.Tensor(Int32Array.of(token), [1]),
      state: new this.litert.Tensor(state, [1, state.length]),
    };
    const found = await this.run.run({...this.fixed, ...own});
    const step = {logits: take(found.logits), state: take(found.next_state)};
    if (found.attention) step.attention = take(found.attention).subarray(0, this.length);
    for (const tensor of [...Object.values(own), found.next_token]) tensor.delete();
    return step;
  }

  delete() {
    for (const tensor of Object.values(this.fixed)) tensor.delete();
  }
}

/** The name of the signature that encodes sentences of up to `length` tokens. */
function encodeSignature(length, lengths) {
  return length === lengths.at(-1) ? 'encode' : `encode_${length}`;
}

/** Copies the values of a tensor and deletes it. */
function take(tensor) {
  const values = tensor.toTypedArray().slice();
  tensor.delete();
  return values;
}

function parse(bytes, name) {
  try {
    return JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(bytes));
  } catch {
    throw new Error(`${name} is damaged`);
  }
}

function checkManifest(manifest) {
  if (manifest?.format !== FORMAT) throw new Error('manifest.json is of no keras-s2s export');
  if (manifest.format_version !== VERSION) {
    throw new Error(`it is of format version ${manifest.format_version}, and this page reads ${VERSION}`);
  }
  if (manifest.kind !== 'litert') {
    throw new Error(`it is an export for ${manifest.kind}, and a browser needs --format litert`);
  }
  const {special_ids: ids, lengths, signatures, options, tokenizers, sha256} = manifest;
  const isSound =
    [ids?.pad, ids?.unk, ids?.start, ids?.end].join() === [PAD, UNKNOWN, START, END].join() &&
    Array.isArray(lengths) &&
    lengths.length > 0 &&
    lengths.every((length, place) => length > (lengths[place - 1] ?? 0)) &&
    lengths.every((length) => {
      const {inputs} = signatures?.[encodeSignature(length, lengths)] ?? {};
      return inputs?.tokens?.shape?.at?.(-1) === length;
    }) &&
    signatures.decode_step?.outputs?.logits?.shape?.length &&
    isWhole(options?.beam_size, 1, WIDEST) &&
    options.length_penalty >= 0 &&
    options.coverage_penalty >= 0 &&
    isLimit(limitOf(manifest)) &&
    tokenizers?.source &&
    tokenizers.target &&
    manifest.bytes?.file &&
    sha256?.[manifest.file];
  if (!isSound) throw new Error('manifest.json is damaged');
}

function limitOf({default_limit: limit = UNRECORDED_LIMIT}) {
  return limit;
}

function isLimit(limit) {
  return isWhole(limit?.factor, 0, MOST_FACTOR) && isWhole(limit?.constant, 1, MOST_CONSTANT);
}

function isWhole(value, least, most) {
  return Number.isInteger(value) && value >= least && value <= most;
}

async function checkDigest(bytes, expected, name) {
  if (!expected) throw new Error(`manifest.json does not list ${name}`);
  // Browsers offer digests on HTTPS and localhost only.
  if (!globalThis.crypto?.subtle) return;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const found = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  if (found !== expected) throw new Error(`${name} is damaged: its SHA-256 differs`);
}
