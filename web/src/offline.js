// The service worker: keeps this version's files, and answers with them before the network does.

// Pages in other folders of the host have caches of their own; an address holds no space.
const CACHES = `number-zoo ${registration.scope} `;
const CACHE = CACHES + VERSION;

addEventListener("install", (event) => {
  // Compared with the host's files, since a browser may hold those of an older version.
  const requests = FILES.map((name) => new Request(name, { cache: "no-cache" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(requests)));
});

addEventListener("activate", (event) => {
  const old = (name) => name.startsWith(CACHES) && name !== CACHE;
  const drop = async () => Promise.all((await caches.keys()).filter(old).map((name) => caches.delete(name)));
  event.waitUntil(drop());
});

addEventListener("fetch", (event) => {
  const wanted = event.request.url.split(/[?#]/)[0] === registration.scope ? "index.html" : event.request;
  const answer = async () => {
    const cached = await (await caches.open(CACHE)).match(wanted);
    // Browsers refuse a redirected answer, such as that of a host that redirects index.html to its folder.
    return cached?.redirected ? new Response(cached.body, cached) : (cached ?? fetch(event.request));
  };
  event.respondWith(answer());
});
