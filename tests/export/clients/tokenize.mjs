// Ids and texts by the page's own tokenizers, in Node:
//
//     node tokenize.mjs FOLDER [TAG] < TEXTS > RESULTS
//
// TEXTS is a JSON list of strings; RESULTS has for each of them its ids, the text that these decode
// to, and their pieces. With a tag, it is put before every text.

import {readFileSync} from 'node:fs';
import {join} from 'node:path';

import {loadTokenizer} from '../../../export/clients/web/tokenizer.js';

const [folder, tag] = process.argv.slice(2);
const tokenizer = await loadTokenizer(async (name) =>
  JSON.parse(readFileSync(join(folder, name), 'utf8')),
);
const results = JSON.parse(readFileSync(0, 'utf8')).map((text) => {
  const ids = tokenizer.encode(tag === undefined ? text : tokenizer.withTag(text, tag));
  return {ids, text: tokenizer.decode(ids), pieces: tokenizer.pieces(ids)};
});
process.stdout.write(`${JSON.stringify(results)}\n`);
