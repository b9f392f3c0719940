// Answers by the page's own modules, in Node:
//
//     node translate.mjs CORE EXPORT BEAM [TAG] < TEXTS > ANSWERS
//
// CORE is the folder of @litertjs/core. TEXTS is a JSON list of strings, or of objects with a text, a
// prefix and constraints; ANSWERS has for each of them the source's ids, the answer's ids, text and
// attention.

import {readFileSync} from 'node:fs';
import {join} from 'node:path';

import {Translator} from '../../../export/clients/web/translate.js';
import {loadLiteRt} from './litert_node.mjs';

const [core, folder, beam, tag] = process.argv.slice(2);
const litert = await loadLiteRt(core);
const read = async (name) => new Uint8Array(readFileSync(join(folder, name)));
const translator = await Translator.open(read, litert);
const answers = [];
for (const one of JSON.parse(readFileSync(0, 'utf8'))) {
  const {text, prefix, rules = {}} = typeof one === 'string' ? {text: one} : one;
  const constraints = {
    minimumLength: rules.minimum_length ?? 0,
    noRepeatNgramSize: rules.no_repeat_ngram_size ?? 0,
    repetitionPenalty: rules.repetition_penalty ?? 1,
    forbidden: rules.forbidden ?? [],
    boundaries: rules.boundaries ?? [],
  };
  const options = {beamSize: Number(beam), tag, prefix, constraints};
  const {ids, text: answer, attention} = await translator.translate(text, options);
  const sourceIds = translator.source.encode(text);
  answers.push({source_ids: sourceIds, ids, text: answer, attention: attention.map((a) => [...a])});
}
process.stdout.write(`${JSON.stringify(answers)}\n`, () => process.exit(0));
