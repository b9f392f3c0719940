// LiteRT.js in Node: what a page has and Node lacks is put in its place.

import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {pathToFileURL} from 'node:url';
import vm from 'node:vm';

/** Loads the module from the folder that npm installed it in, and its wasm. */
export async function loadLiteRt(core) {
  globalThis.self = globalThis;
  // The script of the wasm finds out that it is in Node, and then wants what old modules have there.
  globalThis.importScripts = (path) => {
    globalThis.require = createRequire(path);
    globalThis.__filename = path;
    globalThis.__dirname = dirname(path);
    vm.runInThisContext(readFileSync(path, 'utf8'), {filename: path});
  };
  const litert = await import(pathToFileURL(join(core, 'dist', 'index.js')).href);
  await litert.loadLiteRt(`${join(core, 'wasm')}/`);
  return litert;
}
