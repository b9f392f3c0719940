// Runs the page's modules in Node, for `page.py`:
//
//     node page.mjs CORE EXPORT BEAM < TEXTS
//
// Prints "first" after the first translation, then milliseconds per token, tokens and peak memory.

import {readFileSync} from 'node:fs';
import {join} from 'node:path';

import {Translator} from '../../export/clients/web/translate.js';
import {loadLiteRt} from '../export/clients/litert_node.mjs';

const [core, folder, beam] = process.argv.slice(2);
const options = {beamSize: Number(beam)};
const [first, ...texts] = JSON.parse(readFileSync(0, 'utf8'));
const litert = await loadLiteRt(core);
const read = async (name) => new Uint8Array(readFileSync(join(folder, name)));
const translator = await Translator.open(read, litert);
await translator.translate(first, options);
console.log('first');
let tokens = 0;
const start = performance.now();
for (const text of texts) tokens += (await translator.translate(text, options)).ids.length;
const milliseconds = performance.now() - start;
const bytes = 1024 * process.resourceUsage().maxRSS;
const result = JSON.stringify({milliseconds_a_token: milliseconds / tokens, tokens, bytes});
process.stdout.write(`${result}\n`, () => process.exit(0));
