// What the page's search finds in models that are tables, in Node:
//
//     node search.mjs < CASES > RESULTS
//
// A case has options, a limit, and for each last token a row of logits and one of attention; RESULTS
// has for each of them the ids and the score.

import {readFileSync} from 'node:fs';

import {beamSearch} from '../../../export/clients/web/search.js';

const results = [];
for (const {logits, attention, limit, beam, length_penalty, coverage_penalty} of JSON.parse(
  readFileSync(0, 'utf8'),
)) {
  const step = async (token, state) => ({
    logits: Float32Array.from(logits[token]),
    attention: Float32Array.from(attention[token]),
    state,
  });
  const options = {
    beamSize: beam,
    lengthPenalty: length_penalty,
    coveragePenalty: coverage_penalty,
  };
  let found;
  for await (found of beamSearch(step, new Float32Array(1), limit, options));
  results.push({ids: found.ids, score: found.score});
}
process.stdout.write(`${JSON.stringify(results)}\n`);
