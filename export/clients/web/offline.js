// A service worker: what the network gives is kept, and used when there is none.

// Pages beside this one share the caches of its origin, so the name has the folder.
const openCache = () => caches.open(`keras-s2s ${self.registration.scope}`);

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', (event) => {
  if (event.request.method === 'GET' && isOwn(event.request.url)) event.respondWith(answer(event));
});

// The page tells the addresses of all that it took, and hears whether all of that is kept.
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
    const kept = await (await openCache()).match(nameOf(event.request.url), {ignoreVary: true});
    if (kept) return kept;
    throw error;
  }
}

async function put(url, response) {
  const cache = await openCache();
  await cache.put(nameOf(url), response);
}

async function keep(urls, port) {
  const names = new Set(urls.filter(isOwn).map(nameOf));
  try {
    const cache = await openCache();
    const kept = new Set((await cache.keys()).map(({url}) => url));
    for (const name of kept.difference(names)) await cache.delete(name);
    for (const name of names.difference(kept)) {
      // The browser still has what the page took a moment ago.
      await cache.add(new Request(name, {cache: 'force-cache'}));
    }
    port.postMessage(true);
  } catch {
    port.postMessage(false);
  }
}
