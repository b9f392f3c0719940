// What the page's search finds in models that are tables, in Node:
//
//     node search.mjs < CASES > RESULTS
//
// A case has options, constraints, a prefix, a limit, and for each last token a row of logits and one
// of attention; RESULTS has for each of them the ids and the score.

import {readFileSync} from 'node:fs';

import {Rules} from '../../../export/clients/web/constraints.js';
import {beamSearch} from '../../../export/clients/web/search.js';

const results = [];
for (const one of JSON.parse(readFileSync(0, 'utf8'))) {
  const {logits, attention, limit, beam, length_penalty, coverage_penalty, prefix} = one;
  const step = async (token, state) => ({
    logits: Float32Array.from(logits[token]),
    attention: Float32Array.from(attention[token]),
    state,
  });
  const options = {
    beamSize: beam,
    lengthPenalty: length_penalty,
    coveragePenalty: coverage_penalty,
    rules: new Rules(
      {
        minimumLength: one.minimum_length,
        noRepeatNgramSize: one.no_repeat_ngram_size,
        repetitionPenalty: one.repetition_penalty,
        forbidden: one.forbidden,
        boundaries: one.boundaries,
      },
      prefix,
    ),
  };
  let found;
  for await (found of beamSearch(step, new Float32Array(1), limit, options));
  results.push({ids: found.ids, score: found.score});
}
process.stdout.write(`${JSON.stringify(results)}\n`);
