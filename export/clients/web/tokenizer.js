// Maps text to ids and back, exactly as the tokenizer that was exported: subwords of
// SentencePiece's unigram model, words, or characters.

import {FORMS, keptPattern, normalize, patternOf} from './normalize.js';

export const [PAD, UNKNOWN, START, END] = [0, 1, 2, 3];

const SPECIAL_PIECES = ['<pad>', '<unk>', '<s>', '</s>'];
const UNKNOWN_TEXT = '⁇';

// Protected symbols such as "<2de>" are one token wherever they occur. While words and characters
// are split, a symbol is OPENING; for SentencePiece, it stands between the two.
const [OPENING, CLOSING] = ['\x04', '\x05'];

// Marks a boundary without a space, next to punctuation.
const JOINER = '\x01';
const VISIBLE_JOINER = '￭';

// Punctuation of ASCII and of other scripts, as listed in `keras_s2s/text/words.py`.
const PUNCTUATION =
  '[!-/:-@\\[-`{-~¡§«¶·»¿\\u055a-\\u055f\\u0589\\u058a\\u05be\\u05c0\\u05c3\\u05c6\\u05f3\\u05f4' +
  '\\u060c\\u061b\\u061e\\u061f\\u066a-\\u066d\\u06d4\\u0964\\u0965\\u2010-\\u2027\\u2030-\\u205e' +
  '\\u3001-\\u3003\\u3008-\\u3011\\u3014-\\u301f\\u30fb\\uff01-\\uff0f\\uff1a-\\uff20\\uff3b-\\uff40' +
  '\\uff5b-\\uff65]';
const SPLIT_RULES = [
  [`(${PUNCTUATION})`, `${JOINER}$1${JOINER}`],
  [`${JOINER}? ${JOINER}?`, ' '],
  [`^${JOINER}|${JOINER}$`, ''],
  [`${JOINER}+`, JOINER],
  [`${JOINER}(${PUNCTUATION})`, ` ${JOINER}$1`],
  [`([^ ])${JOINER}`, `$1${JOINER} `],
].map(toRule);
const SYMBOL_RULES = [
  [OPENING, `${CLOSING}${OPENING}${CLOSING}`],
  [`${CLOSING}? ${CLOSING}?`, ' '],
  [`^${CLOSING}|${CLOSING}$`, ''],
  [`${CLOSING}+`, ` ${JOINER} `],
].map(toRule);
const JOIN_RULE = new RegExp(` ?${JOINER} ${JOINER}?| ${JOINER}`, 'gu');

// SentencePiece uses U+2581 for a space, and U+2585 for text that it skips in training. In text,
// both are escaped by control characters, which normalized text does not contain.
const BLANK = '\u2581';
const ESCAPES = [
  [BLANK, '\x02'],
  ['\u2585', '\x03'],
];
// The score of an unknown character is this much below that of the worst piece.
const UNKNOWN_PENALTY = 10;

/** Base class of all tokenizers. */
class Tokenizer {
  constructor(form, size, protectedSymbols) {
    this.form = form;
    this.vocabularySize = size;
    this.kept = keptPattern(protectedSymbols);
    this.symbolPattern =
      protectedSymbols.length > 0 ? new RegExp(`(${patternOf(protectedSymbols)})`, 'gu') : undefined;
  }

  /** The ids of a text, without start and end marks; none for a blank text. */
  encode(text) {
    return this.idsOf(normalize(text, this.form, this.kept));
  }

  /**
   * Puts a tag such as "<2de>" before a text, for models of several languages.
   *
   * @param {string} text The text; a blank one stays as it is.
   * @param {string} tag One token of this tokenizer.
   * @returns {string} The text that is translated.
   * @throws {Error} The tag is not one known token.
   */
  withTag(text, tag) {
    const ids = this.encode(tag);
    const isBlankFirst = ids.length > 1 && this.pieces(ids)[0] === BLANK;
    const [id = UNKNOWN, ...others] = isBlankFirst ? ids.slice(1) : ids;
    if (id === UNKNOWN || others.length > 0) throw new Error(`${tag} is no token of the model`);
    return this.encode(text).length ? `${tag} ${text}` : text;
  }

  /** The text of ids, in NFC; special ids except the unknown one are left out. */
  decode(ids) {
    const kept = ids.filter((id) => id === UNKNOWN || id > END);
    return normalize(this.textOf(kept), 'NFC', this.kept);
  }

  /** The token of each id in readable form. */
  pieces(ids) {
    return ids.map((id) => SPECIAL_PIECES[id] ?? this.pieceOf(id));
  }
}

/** Base class of the word and character tokenizers: a list of symbols, whose ids start at 4. */
class SymbolTokenizer extends Tokenizer {
  constructor(settings) {
    const symbols = [...SPECIAL_PIECES, ...settings.symbols];
    super(settings.normalization, symbols.length, settings.protected ?? []);
    this.symbols = symbols;
    this.ids = new Map(settings.symbols.map((symbol, place) => [symbol, END + 1 + place]));
  }

  idsOf(text) {
    const found = this.symbolPattern ? (text.match(this.symbolPattern) ?? []) : [];
    const hidden = this.symbolPattern ? text.replace(this.symbolPattern, OPENING) : text;
    let place = 0;
    return this.split(hidden)
      .map((symbol) => (symbol === OPENING ? found[place++] : symbol))
      .map((symbol) => this.ids.get(symbol) ?? UNKNOWN);
  }

  textOf(ids) {
    return this.join(ids.map((id) => (id === UNKNOWN ? UNKNOWN_TEXT : this.symbols[id])));
  }

  pieceOf(id) {
    return this.symbols[id].replaceAll(JOINER, VISIBLE_JOINER);
  }
}

/** One id for each word between spaces; punctuation is split off if the export says so. */
export class WordTokenizer extends SymbolTokenizer {
  constructor(settings) {
    super(settings);
    this.rules = [...(settings.split_punctuation ? SPLIT_RULES : []), ...SYMBOL_RULES];
  }

  split(text) {
    const words = this.rules.reduce((line, rule) => line.replace(...rule), text);
    return words.split(' ').filter((word) => word);
  }

  join(words) {
    return words.join(' ').replace(JOIN_RULE, '');
  }
}

/** One id for each code point. */
export class CharacterTokenizer extends SymbolTokenizer {
  split(text) {
    return [...text];
  }

  join(characters) {
    return characters.join('');
  }
}

/** Subwords: the most probable segmentation of a sentence into pieces (Kudo 2018, section 3.2). */
export class SentencePieceTokenizer extends Tokenizer {
  constructor(settings, {pieces, scores}) {
    const enclosed = pieces.filter((piece) => piece.startsWith(OPENING));
    super(settings.normalization, pieces.length, enclosed.map(unescape));
    this.symbols = pieces;
    this.scores = Float32Array.from(scores, (score) => score / 256);
    this.unknownScore = this.scores.subarray(END + 1).reduce((a, b) => Math.min(a, b), Infinity);
    this.unknownScore = Math.fround(this.unknownScore - UNKNOWN_PENALTY);
    this.ids = new Map();
    this.beginnings = new Set();
    for (const [place, piece] of pieces.slice(END + 1).entries()) {
      this.ids.set(piece, END + 1 + place);
      for (let end = 1; end <= piece.length; end++) this.beginnings.add(piece.slice(0, end));
    }
  }

  // The Viterbi algorithm: the best segmentation up to each position; of equal ones, that whose
  // last piece starts first. Sums are in float32, as in SentencePiece: exact up to 2^16, which is
  // about 6,000 pieces.
  idsOf(text) {
    if (!text) return [];
    const enclosed = this.symbolPattern
      ? text.replace(this.symbolPattern, `${OPENING}$1${CLOSING}`)
      : text;
    const line = BLANK + replaceAll(enclosed, ESCAPES).replaceAll(' ', BLANK);
    const scores = new Float32Array(line.length + 1).fill(-Infinity);
    const starts = new Int32Array(line.length + 1).fill(-1);
    const lastIds = new Int32Array(line.length + 1);
    const arrive = (start, end, id, score) => {
      const sum = Math.fround(scores[start] + score);
      if (starts[end] < 0 || sum > scores[end]) {
        [scores[end], starts[end], lastIds[end]] = [sum, start, id];
      }
    };
    scores[0] = 0;
    for (let start = 0, next; start < line.length; start = next) {
      next = start + (line.codePointAt(start) > 0xffff ? 2 : 1);
      let isKnown = false;
      for (let end = start + 1; end <= line.length; end++) {
        const piece = line.slice(start, end);
        if (!this.beginnings.has(piece)) break;
        const id = this.ids.get(piece);
        if (id === undefined) continue;
        arrive(start, end, id, this.scores[id]);
        isKnown ||= end === next;
      }
      if (!isKnown) arrive(start, next, UNKNOWN, this.unknownScore);
    }
    const ids = [];
    for (let end = line.length; end; end = starts[end]) {
      // A run of unknown characters is one id.
      if (lastIds[end] !== UNKNOWN || ids.at(-1) !== UNKNOWN) ids.push(lastIds[end]);
    }
    return ids.reverse();
  }

  textOf(ids) {
    const pieces = ids.map((id) => (id === UNKNOWN ? UNKNOWN_TEXT : this.symbols[id]));
    return unescape(pieces.join('').replaceAll(BLANK, ' '));
  }

  pieceOf(id) {
    return unescape(this.symbols[id]);
  }
}

/**
 * Creates the tokenizer that an export describes.
 *
 * @param {(name: string) => Promise<any>} readJson Reads a JSON file of the tokenizer's folder.
 * @returns {Promise<Tokenizer>} Its methods are `encode`, `decode` and `pieces`.
 * @throws {Error} The description is damaged, or of an unknown tokenizer.
 */
export async function loadTokenizer(readJson) {
  const settings = await readJson('tokenizer.json');
  const vocabulary =
    settings?.class === 'SentencePieceTokenizer' ? await readJson('pieces.json') : settings;
  const {symbols, pieces = symbols, scores = [], protected: kept = []} = vocabulary ?? {};
  const isSound =
    Array.isArray(kept) &&
    kept.every((symbol) => typeof symbol === 'string' && symbol) &&
    Array.isArray(pieces) &&
    pieces.every((piece) => typeof piece === 'string') &&
    Array.isArray(scores) &&
    scores.every(Number.isFinite) &&
    (pieces === symbols || scores.length === pieces.length);
  if (!isSound) throw new Error('its tokenizer is damaged');
  const tokenizer = make(settings, vocabulary);
  if (!tokenizer || !FORMS.includes(settings.normalization)) {
    const kind = `${settings.class}, ${settings.normalization}`;
    throw new Error(`its tokenizer is of a kind that this page does not know: ${kind}`);
  }
  if (tokenizer.vocabularySize !== settings.vocabulary_size) {
    throw new Error('its tokenizer is damaged');
  }
  return tokenizer;
}

function make(settings, vocabulary) {
  switch (settings.class) {
    case 'WordTokenizer':
      return new WordTokenizer(settings);
    case 'CharacterTokenizer':
      return new CharacterTokenizer(settings);
    case 'SentencePieceTokenizer':
      return new SentencePieceTokenizer(settings, vocabulary);
    default:
      return undefined;
  }
}

function replaceAll(text, pairs) {
  return pairs.reduce((found, [from, to]) => found.replaceAll(from, to), text);
}

function unescape(text) {
  const marks = [OPENING, CLOSING].map((mark) => [mark, '']);
  return replaceAll(text, [...ESCAPES.map(([from, to]) => [to, from]), ...marks]);
}

function toRule([pattern, replacement]) {
  return [new RegExp(pattern, 'gu'), replacement];
}
