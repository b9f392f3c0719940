// Greedy answers by LiteRT.js, in Node: node litert_node.mjs CORE EXPORT < sources > answers
//
// CORE is the folder of @litertjs/core, EXPORT that of a LiteRT export. Sources and answers are JSON,
// lists of ids; the sources end with the end mark. The loop is the README's.

import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {pathToFileURL} from 'node:url';
import vm from 'node:vm';

// What a page has and Node lacks: a global `self`, and a way to load the script of the runtime. That
// script finds out that it is in Node, and then wants what an old module has there.
globalThis.self = globalThis;
globalThis.importScripts = (path) => {
  globalThis.require = createRequire(path);
  globalThis.__filename = path;
  globalThis.__dirname = dirname(path);
  vm.runInThisContext(readFileSync(path, 'utf8'), {filename: path});
};
const [core, folder] = process.argv.slice(2);
const {Tensor, loadAndCompile, loadLiteRt} =
    await import(pathToFileURL(join(core, 'dist', 'index.js')).href);

const START = 2;
const END = 3;
const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
await loadLiteRt(join(core, 'wasm') + '/');
const model = await loadAndCompile(
    new Uint8Array(readFileSync(join(folder, manifest.file))), {accelerator: 'wasm'});

async function run(name, inputs) {
  const given = {};
  for (const {name: key, shape} of model.signatures[name].getInputDetails()) {
    given[key] = new Tensor(inputs[key], [...shape]);
  }
  const found = await model.run(name, given);
  const values = {};
  for (const [key, tensor] of Object.entries(found)) {
    values[key] = (await tensor.data()).slice();
    tensor.delete();
  }
  Object.values(given).forEach((tensor) => tensor.delete());
  return values;
}

async function answer(source) {
  const longest = manifest.lengths.at(-1);
  const room = manifest.lengths.find((length) => length >= source.length);
  const tokens = new Int32Array(room);
  tokens.set(source);
  const length = Int32Array.of(source.length);
  const encoded = await run(room === longest ? 'encode' : `encode_${room}`, {tokens, length});
  let {state} = encoded;
  let token = START;
  const ids = [];
  while (token !== END && ids.length < 3 * source.length + 20) {
    const step = await run('decode_step', {...encoded, token: Int32Array.of(token), length, state});
    token = step.next_token[0];
    state = step.next_state;
    ids.push(token);
  }
  return ids;
}

const answers = [];
for (const source of JSON.parse(readFileSync(0, 'utf8'))) answers.push(await answer(source));
process.stdout.write(JSON.stringify(answers) + '\n', () => process.exit(0));
