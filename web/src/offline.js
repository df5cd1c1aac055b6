// The service worker: keeps this version's files, and answers with them before the network does.

const CACHE = `number-zoo-${VERSION}`;

addEventListener("install", (event) => {
  // Compared with the host's files, since a browser may hold those of an older version.
  const requests = FILES.map((name) => new Request(name, { cache: "no-cache" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(requests)));
});

addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("number-zoo-") && name !== CACHE;
  const drop = async () => Promise.all((await caches.keys()).filter(old).map((name) => caches.delete(name)));
  event.waitUntil(drop());
});

addEventListener("fetch", (event) => {
  const wanted = event.request.url.split(/[?#]/)[0] === registration.scope ? "index.html" : event.request;
  const answer = async () => (await (await caches.open(CACHE)).match(wanted)) ?? fetch(event.request);
  event.respondWith(answer());
});
