// The worker: decodes images, runs the models with ONNX Runtime and describes the readings as the server's
// API does. One image after the other.

import { readEvery } from "./all_numbers.js";
import { describe } from "./answers.js";
import { readAnyTurn } from "./any_turn.js";
import { cropAround } from "./boxes.js";
import { decode, onReduced } from "./images.js";
import { locate } from "./locator.js";
import { env, InferenceSession, Tensor } from "./onnxruntime.js";

const WARM_UP = { pixels: new Uint8Array(64 * 32 * 3), width: 64, height: 32 }; // the first image takes longer
// As in number_zoo/session.py: memory would be kept for every size of image.
const OPTIONS = { executionProviders: ["wasm"], enableCpuMemArena: false, enableMemPattern: false };

// A file of the page.
async function request(name, signal) {
  const response = await fetch(name, { signal });
  if (!response.ok) throw new Error(`${name} answers with ${response.status}`);
  return response;
}

// Downloads a file, counting what arrives.
async function download(name, signal) {
  const { body } = await request(name, signal);
  const count = new TransformStream({
    transform(chunk, controller) {
      postMessage({ received: chunk.length });
      controller.enqueue(chunk);
    },
  });
  return body.pipeThrough(count);
}

const bytesOf = (body) => new Response(body).arrayBuffer();

async function load(signal) {
  const [runtime, model, description] = await Promise.all([
    download("onnxruntime.wasm.gzip", signal).then((body) => bytesOf(body.pipeThrough(new DecompressionStream("gzip")))),
    download("model.onnx", signal).then(bytesOf),
    fetch("model.json", { signal }).then((response) => response.json()),
  ]);
  env.wasm.wasmBinary = runtime;
  env.wasm.numThreads = 1; // more need headers that static hosts do not send
  const session = await InferenceSession.create(model, OPTIONS);
  await run(session, WARM_UP, null);
  postMessage({ ready: true });
  return { session, description };
}

let loading = null;

// The reader, loaded once; again where that failed.
function loaded() {
  const attempt = new AbortController();
  loading ??= load(attempt.signal).catch((error) => {
    loading = null;
    attempt.abort(); // the other downloads
    postMessage({ failed: true });
    throw new Error(`The reader could not be loaded: ${error.message}.`);
  });
  return loading;
}

let locator = null;

// The session of the locator, likewise; when it is first needed.
function loadedLocator() {
  const create = async () => InferenceSession.create(await (await request("locator.onnx")).arrayBuffer(), OPTIONS);
  locator ??= create().catch((error) => {
    locator = null;
    throw new Error(`The locator could not be loaded: ${error.message}.`);
  });
  return locator;
}

const images = ({ pixels, width, height }) => new Tensor("uint8", pixels, [1, height, width, 3]);

// The outputs of the reader for an image, from a crop as the first glimpse, null for all of it.
async function run(session, image, crop) {
  const outputs = await session.run({
    images: images(image),
    crops: new Tensor("float32", crop ?? [0, 0, 0, 0], [1, 4]),
    image_sizes: new Tensor("float32", [image.width, image.height], [1, 2]),
  });
  const values = Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, [...data]]));
  return { ...values, length: values.length[0], confidence: values.confidence[0] };
}

// The locations of the numbers in an image. `say` is called with texts on the progress.
async function findNumbers(image, say) {
  say("Loading the locator …");
  const session = await loadedLocator();
  say("Finding the numbers …");
  return locate(image, async (scaled) => {
    const { boxes, scores, turns } = await session.run({ images: images(scaled) });
    return { boxes: boxes.data, scores: scores.data, turns: turns.data };
  });
}

// The outputs for each number in an image.
async function readAll(image, predict, say) {
  const locations = await findNumbers(image, say);
  return readEvery(image, locations, predict, (index) => say(`Reading number ${index + 1} of ${locations.length} …`));
}

let file = null; // the last one, and the promise of its image: it is read again while a box is moved on it
let decoded = null;

// Answers a request; one without a blob is for the last file.
async function answer({ id, blob, box, all }) {
  try {
    if (blob) [file, decoded] = [blob, null];
    const { session, description } = await loaded();
    const began = performance.now();
    decoded ??= decode(file);
    const { image, scale } = await decoded;
    const predict = onReduced((...given) => run(session, ...given));
    const say = (progress) => postMessage({ id, progress });
    const crop = box && cropAround(box.map((edge) => edge * scale), image);
    const outputs = all
      ? await readAll(image, predict, say)
      : [await readAnyTurn(image, crop, predict, (whole) => findNumbers(whole, say))];
    const readings = await Promise.all(outputs.map((one) => describe(description, one, scale)));
    const milliseconds = performance.now() - began;
    postMessage({ id, readings: readings.map((reading) => ({ ...reading, milliseconds })) });
  } catch (error) {
    postMessage({ id, error: error.message });
  }
}

let last = loaded().catch(() => {}); // it is said when an image is read
addEventListener("message", ({ data }) => {
  last = last.then(() => answer(data));
});
