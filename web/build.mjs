// Builds dist/: the server's page, with src/api.js for the server's api.js, so that a model and ONNX
// Runtime in the browser answer. All addresses are relative: any static host serves it, in any folder.
//
//     node build.mjs [READER.onnx [LOCATOR.onnx]]      others, from export.py --format onnx

import { createHash } from "node:crypto";
import { cp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

const HERE = import.meta.dirname;
const PAGE = join(HERE, "../number_zoo/server/static");
const WEIGHTS = join(HERE, "../number_zoo/weights");
const MODEL = resolve(process.argv[2] ?? join(WEIGHTS, "conv_transformer_small.any10.onnx"));
const LOCATOR = resolve(process.argv[3] ?? join(WEIGHTS, "locator.scenes.onnx"));
const RUNTIME = join(HERE, "node_modules/onnxruntime-web/dist");
const DIST = join(HERE, "dist");

// As the server's headers have it (number_zoo/server/headers.py); WebAssembly is compiled, and a worker runs it.
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; " +
  "media-src blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'";

// What the page says otherwise without a server, by the comments that enclose it.
const PARTS = {
  head: `<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="referrer" content="no-referrer">
<link rel="manifest" href="manifest.webmanifest">`,
  script: "<noscript>This page needs JavaScript.</noscript>",
  privacy: "<p>Images are read on this device: they are sent nowhere and not stored. Once loaded, the page works offline.</p>",
};

function transform(html) {
  for (const [name, text] of Object.entries(PARTS)) {
    const part = new RegExp(`<!-- ${name} -->[^]*?<!-- /${name} -->`);
    if (!part.test(html)) throw new Error(`${PAGE}/index.html has no part named ${name}`);
    html = html.replace(part, text);
  }
  return html;
}

// What the page says of the model, from the metadata that the file carries as JSON.
function describe(model, bytes) {
  const text = model.toString("latin1").match(/\{[^{}]*"max_digits"[^{}]*\}/)?.[0];
  if (!text) throw new Error(`${MODEL} is not a file that export.py --format onnx wrote`);
  const { reads, licence, parameters, attention_grid: grid } = JSON.parse(text);
  return { name: MODEL.match(/([^/\\]*)\.onnx$/)[1], reads, licence, parameters, grid, bytes, finds_all: true };
}

const list = async (folder) =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

const model = await readFile(MODEL);
// Compressed here, since not every host does it: a quarter of the size.
const runtime = gzipSync(await readFile(join(RUNTIME, "ort-wasm-simd-threaded.wasm")), { level: 9 });
const files = {
  "index.html": transform(await readFile(join(PAGE, "index.html"), "utf8")),
  "static/model.json": JSON.stringify(describe(model, model.length + runtime.length)),
  "static/model.onnx": model,
  "static/locator.onnx": await readFile(LOCATOR), // loaded when it is first needed
  "static/onnxruntime.js": await readFile(join(RUNTIME, "ort.wasm.bundle.min.mjs")),
  "static/onnxruntime.wasm.gzip": runtime,
};
// Only now, so that the page of the last build remains if a file is missing or not a reader.
await rm(DIST, { recursive: true, force: true });
await cp(PAGE, join(DIST, "static"), { recursive: true });
await cp(join(HERE, "src"), DIST, { recursive: true });
await rm(join(DIST, "static/index.html"));
for (const [name, content] of Object.entries(files)) await writeFile(join(DIST, name), content);

// The service worker keeps exactly this version, under the digest of all its files.
const paths = (await list(DIST)).sort();
const contents = await Promise.all(paths.map((path) => readFile(path)));
const digest = createHash("sha256");
for (const content of contents) digest.update(content);
const names = paths.map((path) => path.slice(DIST.length + 1).replaceAll("\\", "/"));
const offline = (await readFile(join(DIST, "offline.js"), "utf8"))
  .replace("VERSION", JSON.stringify(digest.digest("hex").slice(0, 16)))
  .replace("FILES", JSON.stringify(names.filter((name) => name !== "offline.js")));
await writeFile(join(DIST, "offline.js"), offline);
const total = (sizes) => (sizes.reduce((sum, size) => sum + size, 0) / 2 ** 20).toFixed(1);
console.log(`${DIST}: ${names.length} files, ${total(contents.map(({ length }) => length))} MiB, ` +
  `${total(contents.map((content) => gzipSync(content).length))} MiB compressed`);
