// Normalization of text before tokenization, the same as in `keras_s2s/text/normalization.py`.

/** Unicode forms that an export may name. */
export const FORMS = ['NFC', 'NFKC', 'NFD'];

// The Unicode property White_Space and the control characters; `\s` is another set.
const SEPARATOR = new RegExp(
  '[\\u0000-\\u0020\\u007F-\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000]+',
  'gu',
);

// Characters newer than Unicode 12.1 that normalization would change: they are left unchanged, so
// that runtimes of all Unicode versions agree. First and last code point of each range.
const NEWER_RANGES = [
  [0x0897, 0x089f],
  [0x08ca, 0x08d2],
  [0x0c3c, 0x0c3c],
  [0x1715, 0x1715],
  [0x1abf, 0x1aeb],
  [0x1dfa, 0x1dfa],
  [0xa7f1, 0xa7f4],
  [0xa82c, 0xa82c],
  [0xab69, 0xab69],
  [0x105c9, 0x105e4],
  [0x10781, 0x107ba],
  [0x10d69, 0x10d6d],
  [0x10eab, 0x10eac],
  [0x10efa, 0x10eff],
  [0x10f82, 0x10f85],
  [0x11070, 0x11070],
  [0x11382, 0x113d0],
  [0x11930, 0x11943],
  [0x11f41, 0x11f42],
  [0x1611e, 0x1612f],
  [0x16d63, 0x16d6a],
  [0x16ff0, 0x16ff1],
  [0x1ccd6, 0x1ccf9],
  [0x1e030, 0x1e08f],
  [0x1e2ae, 0x1e2ae],
  [0x1e4ec, 0x1e6f5],
  [0x1fbf0, 0x1fbf9],
];
const character = (codePoint) => `\\u{${codePoint.toString(16)}}`;
const NEWER = `[${NEWER_RANGES.map((range) => range.map(character).join('-')).join('')}]+`;

/**
 * A pattern that finds symbols; of those that start at one place, the longest.
 *
 * @param {string[]} symbols At least one.
 * @returns {string} The source of a regular expression with the flag "u".
 */
export function patternOf(symbols) {
  const longestFirst = [...symbols].sort((a, b) => b.length - a.length);
  return longestFirst.map((symbol) => symbol.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|');
}

/**
 * A pattern that finds what normalization leaves unchanged.
 *
 * @param {string[]} symbols Protected symbols.
 * @returns {RegExp} A pattern with one group.
 */
export function keptPattern(symbols) {
  return new RegExp(`(${[...(symbols.length ? [patternOf(symbols)] : []), NEWER].join('|')})`, 'u');
}

const KEPT = keptPattern([]);

/**
 * Converts text to a Unicode form, with single spaces between words and none at the ends.
 *
 * @param {string} text Any text; a surrogate without its other half becomes U+FFFD.
 * @param {string} form "NFC", "NFKC" or "NFD".
 * @param {RegExp} [kept] What stays unchanged, from `keptPattern`.
 * @returns {string} The normalized text.
 */
export function normalize(text, form, kept = KEPT) {
  return text
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .split(kept) // Text at even indices, what is kept at odd ones.
    .map((piece, place) => (place % 2 ? piece : piece.normalize(form)))
    .join('')
    .replace(SEPARATOR, ' ')
    .replace(/^ | $/g, '');
}
