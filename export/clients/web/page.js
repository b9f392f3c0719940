// The page: a text, its translation token by token, and the attention weights.

import {Heatmap} from './heatmap.js';
import {END, UNKNOWN} from './tokenizer.js';
import {Translator} from './translate.js';

const FRAME = 16; // Milliseconds.
const TYPING_PAUSE = 300; // Milliseconds.
const BEAM_SIZE = 5; // Offered if the export's own search is greedy.
const MOST_EXAMPLES = 6;
const LONGEST_EXAMPLE = 40; // Characters; longer ones only if there are too few.
const LONGEST_BUTTON = 400; // Characters.
const LONGEST_LARGE = 50; // Characters; translations of longer texts use a smaller font.

const page = Object.fromEntries([...document.querySelectorAll('[id]')].map((one) => [one.id, one]));
const heatmap = new Heatmap(page.heatmap, page.looked);
let translator;
let running; // The stream of the current translation.

page.alert.hidden = true;
page.form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (translator) translate(page.source.value);
});
page.source.addEventListener('keydown', (event) => {
  // In an input method, Enter completes a syllable; Safari reports this by the key code only.
  const isComposing = event.isComposing || event.keyCode === 229;
  if (event.key !== 'Enter' || event.shiftKey || isComposing) return;
  event.preventDefault();
  page.form.requestSubmit(page.translate);
});
page.source.addEventListener('input', () => page.result.classList.add('stale'));
page.source.addEventListener('input', debounce(tellLimits, TYPING_PAUSE));
page.search.addEventListener('change', () => {
  if (page.answer.textContent) translate(page.source.value);
});
page.stop.addEventListener('click', () => running?.return());

try {
  await load();
} catch (error) {
  setState('failed');
  complain(error);
}

async function load() {
  const litert = await loadRuntime();
  const opened = await Translator.open(readModel, litert);
  const {manifest, hasAttention} = opened;
  showSearches(manifest.options.beam_size);
  showExamples(await readExamples());
  translator = opened;
  const kind = manifest.quantization ? `, ${manifest.quantization}` : '';
  page.size.textContent = `${figure(manifest.bytes.file / 1e6)} MB${kind}`;
  page.loaded.textContent = `${figure(performance.now() / 1000)} s`;
  page.facts.hidden = false;
  page.blind.hidden = hasAttention;
  page.translate.disabled = false;
  page.status.textContent = 'Ready';
  setState('ready');
  tellLimits();
  keepForOffline();
}

async function loadRuntime() {
  if (!globalThis.WebAssembly) {
    throw new Error('this browser has no WebAssembly, or it is turned off');
  }
  try {
    const litert = await import('@litertjs/core');
    globalThis.Module = {printErr: console.debug}; // LiteRT's log.
    await litert.loadLiteRt(new URL('litert/wasm/', document.baseURI).href);
    return litert;
  } catch (cause) {
    const sentence = 'LiteRT.js did not start; a file of litert/ may be missing or damaged';
    throw new Error(sentence, {cause});
  }
}

async function readModel(name) {
  let response;
  try {
    // Files of two exports must not be mixed, and the browser's cache may hold older ones.
    response = await fetch(`model/${name}`, {cache: 'no-cache'});
  } catch (cause) {
    throw new Error(`model/${name} can't be reached`, {cause});
  }
  if (!response.ok) throw new Error(`model/${name} is missing (status ${response.status})`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Some texts that the export was verified with; the page works without them too. */
async function readExamples() {
  try {
    const golden = JSON.parse(new TextDecoder().decode(await readModel('golden.json')));
    return chooseVaried(golden.filter(isExample).map(({text}) => text));
  } catch {
    return [];
  }
}

/** Whether a text is suitable as an example. */
function isExample({text, sample}) {
  return sample !== false && text.trim() && text.length <= LONGEST_BUTTON;
}

/** Examples from short to long; each has the most characters that the earlier ones lack. */
function chooseVaried(texts) {
  const sorted = [...new Set(texts)].sort((a, b) => a.length - b.length);
  const short = sorted.filter(
    (text, place) => place < MOST_EXAMPLES || text.length <= LONGEST_EXAMPLE,
  );
  const seen = new Set();
  const chosen = [];
  for (let part = 0; part < MOST_EXAMPLES; part++) {
    const from = Math.round((part * short.length) / MOST_EXAMPLES);
    const to = Math.round(((part + 1) * short.length) / MOST_EXAMPLES);
    const novelty = (text) => new Set(text).difference(seen).size;
    const best = short.slice(from, to).sort((a, b) => novelty(b) - novelty(a))[0];
    if (!best) continue;
    for (const character of best) seen.add(character);
    chosen.push(best);
  }
  return chosen;
}

function showExamples(texts) {
  for (const text of texts) {
    const button = document.createElement('button');
    Object.assign(button, {textContent: text, dir: 'auto'});
    button.addEventListener('click', () => {
      page.source.value = text;
      translate(text);
    });
    const item = document.createElement('li');
    item.append(button);
    page.examples.append(item);
  }
  page.trials.hidden = !texts.length;
}

function showSearches(beamSize) {
  const beam = beamSize > 1 ? beamSize : BEAM_SIZE;
  page.search.append(new Option('Greedy', 1), new Option(`Beam ${beam}`, beam));
  page.search.value = beamSize;
}

/** Reports, while the user types, which part of the text the model can't read. */
function tellLimits() {
  if (!translator) return;
  const ids = translator.source.encode(page.source.value);
  const {longest} = translator;
  const unknown = ids.filter((id) => id === UNKNOWN).length;
  const sentences = [];
  if (ids.length >= longest) {
    const most = longest - 1;
    sentences.push(`Too long: the model reads only the first ${most} of ${ids.length} tokens.`);
  }
  if (unknown) sentences.push(`Not in the model's vocabulary: ${unknown} of ${ids.length} tokens.`);
  page.length.textContent = sentences.join(' ');
}

async function translate(text) {
  page.alert.hidden = true;
  tellLimits();
  if (!translator.source.encode(text).length) {
    page.length.textContent = 'There is nothing to translate.';
    page.source.focus();
    return;
  }
  running?.return();
  const stream = translator.stream(text, {beamSize: Number(page.search.value)});
  running = stream;
  page.status.textContent = '';
  setState('busy');
  page.answer.classList.toggle('long', text.length > LONGEST_LARGE);
  const {direction} = getComputedStyle(page.source);
  Object.assign(page.scroll, {dir: direction, scrollTop: 0, scrollLeft: 0});
  try {
    const {answer, time} = await follow(stream);
    if (stream !== running) return;
    if (answer) conclude(answer, time);
  } catch (error) {
    if (stream !== running) return;
    page.answer.textContent = '';
    page.attention.hidden = true;
    complain(error);
  }
  running = null;
  setState('ready');
}

/** Shows a translation as it grows, until it is complete or another stream replaces it. */
async function follow(stream) {
  let answer;
  let time = 0; // Milliseconds spent in the model, without rendering.
  let shown = performance.now();
  for (;;) {
    const started = performance.now();
    const {value, done} = await stream.next();
    const ended = performance.now();
    time += ended - started;
    if (stream !== running || done) return {answer, time};
    const isFirst = !answer;
    answer = value;
    if (!isFirst && ended - shown < FRAME) continue;
    show(answer);
    if (isFirst) reveal();
    await yieldToBrowser();
    shown = performance.now();
  }
}

/** Scrolls the translation into view; on a phone, also hides the keyboard. */
function reveal() {
  if (matchMedia('(pointer: coarse)').matches) page.source.blur();
  page.answer.scrollIntoView({block: 'nearest'});
}

function show(answer) {
  page.result.classList.remove('stale');
  page.answer.classList.toggle('unfinished', answer.ids.at(-1) !== END);
  page.answer.textContent = answer.text;
  if (!translator.hasAttention) return;
  page.attention.hidden = false;
  heatmap.show(answer);
}

function conclude(answer, time) {
  show(answer);
  const count = answer.ids.length;
  page.status.textContent = `Translation: ${answer.text}${answer.ids.at(-1) === END ? '' : ' …'}`;
  const tokens = count === 1 ? 'token' : 'tokens';
  page.speed.textContent = `${count} ${tokens}, ${figure(time / count)} ms each`;
  page.speed.parentElement.hidden = false;
}

function setState(state) {
  document.documentElement.dataset.state = state;
  const isLost = document.activeElement === page.stop && state !== 'busy';
  page.stop.hidden = state !== 'busy';
  if (isLost) page.translate.focus();
}

function complain(error) {
  console.warn(error);
  page.alert.textContent = `The model can't be used: ${error.message}.`;
  page.alert.hidden = false;
}

/** Yields to the browser. Hidden tabs have no frames and slow timers, but messages are fast. */
function yieldToBrowser() {
  return new Promise((resolve) => {
    const {port1, port2} = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

function debounce(action, pause) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, pause);
  };
}

function figure(value) {
  return value.toLocaleString('en', {maximumSignificantDigits: 2});
}

/** Lets offline.js cache all that this page loaded; only secure pages may start it. */
async function keepForOffline() {
  if (!navigator.serviceWorker) return;
  try {
    await navigator.serviceWorker.register('offline.js');
    const {active} = await navigator.serviceWorker.ready;
    const taken = performance.getEntriesByType('resource').map(({name}) => name);
    const {port1, port2} = new MessageChannel();
    port1.onmessage = ({data: isKept}) => {
      page.offline.hidden = !isKept;
      port1.close();
    };
    active.postMessage([location.href, ...taken], [port2]);
  } catch (error) {
    console.info('No offline use:', error);
  }
}
