// A service worker: what the network gives is kept, and used when there is none.

// Pages beside this one share the caches of its origin, so the names have the folder. What comes is
// fresh until the page has seen that it belongs together; half of an upload must not replace a whole.
const kept = () => caches.open(`keras-s2s ${self.registration.scope}`);
const fresh = () => caches.open(`keras-s2s ${self.registration.scope} fresh`);

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
      // The browser still has what the page took before this worker was there.
      else if (!(await old.match(name))) await old.add(new Request(name, {cache: 'force-cache'}));
      await recent.delete(name);
    }
    for (const {url} of await old.keys()) if (!names.has(url)) await old.delete(url);
    port.postMessage(true);
  } catch {
    port.postMessage(false);
  }
}
