// A service worker: caches responses, and serves them when the network is unavailable.

// All pages of an origin share its caches, so their names include the folder. Responses stay in the
// "fresh" cache until the page has loaded from them as a whole: a partial upload must not replace a
// working version.
const kept = () => caches.open(`keras-s2s ${self.registration.scope}`);
const fresh = () => caches.open(`keras-s2s ${self.registration.scope} fresh`);

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', (event) => {
  if (event.request.method === 'GET' && isOwn(event.request.url)) event.respondWith(answer(event));
});

// The page sends the addresses of everything that it loaded; the reply says whether all is cached.
self.addEventListener('message', (event) => event.waitUntil(keep(event.data, event.ports[0])));

function isOwn(url) {
  return url.startsWith(self.registration.scope);
}

function nameOf(url) {
  const {origin, pathname} = new URL(url);
  return origin + pathname.replace(/\/index\.html$/, '/');
}

async function answer(event) {
  try {
    const response = await fetch(event.request);
    if (response.status === 200) event.waitUntil(put(event.request.url, response.clone()));
    return response;
  } catch (error) {
    const found = await (await kept()).match(nameOf(event.request.url), {ignoreVary: true});
    if (found) return found;
    throw error;
  }
}

async function put(url, response) {
  const cache = await fresh();
  await cache.put(nameOf(url), response);
}

async function keep(urls, port) {
  const names = new Set(urls.filter(isOwn).map(nameOf));
  try {
    const [old, recent] = await Promise.all([kept(), fresh()]);
    for (const name of names) {
      const found = await recent.match(name, {ignoreVary: true});
      if (found) await old.put(name, found);
      // What the page loaded before this worker started is still in the browser's cache.
      else if (!(await old.match(name))) await old.add(new Request(name, {cache: 'force-cache'}));
      await recent.delete(name);
    }
    for (const {url} of await old.keys()) if (!names.has(url)) await old.delete(url);
    port.postMessage(true);
  } catch {
    port.postMessage(false);
  }
}
