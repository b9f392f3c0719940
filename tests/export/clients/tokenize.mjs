// Ids and texts by the page's own tokenizers, in Node:
//
//     node tokenize.mjs FOLDER < TEXTS > RESULTS
//
// TEXTS is a JSON list of strings; RESULTS has for each of them its ids, the text that these decode
// to, and their pieces.

import {readFileSync} from 'node:fs';
import {join} from 'node:path';

import {loadTokenizer} from '../../../export/clients/web/tokenizer.js';

const folder = process.argv[2];
const tokenizer = await loadTokenizer(async (name) =>
  JSON.parse(readFileSync(join(folder, name), 'utf8')),
);
const results = JSON.parse(readFileSync(0, 'utf8')).map((text) => {
  const ids = tokenizer.encode(text);
  return {ids, text: tokenizer.decode(ids), pieces: tokenizer.pieces(ids)};
});
process.stdout.write(`${JSON.stringify(results)}\n`);
