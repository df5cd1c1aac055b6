// In place of the server's api.js: images are read in a worker of this page, and never leave it.

export { LARGEST } from "./images.js";
export const HEAVIEST = Infinity; // bytes: files are not sent

const worker = new Worker("static/reader.js", { type: "module" });
const waiting = new Map(); // from a request's number to its promise
let broken = "";
let requests = 0;
let sent = null; // the last image, which the worker keeps

const introduction = document.querySelector("header p");
const usual = introduction.textContent;
const description = fetch("static/model.json").then((response) => response.json());
let received = 0;
introduction.style.minHeight = `${introduction.offsetHeight}px`; // so that nothing jumps

// Says how much of the model and of the runtime has arrived.
async function showProgress(data) {
  const { bytes } = await description;
  received = data.failed ? 0 : received + (data.received ?? 0);
  const megabytes = (count) => (count / 1e6).toFixed(1);
  introduction.textContent = data.ready ? usual
    : data.failed ? "The reader could not be loaded. Choose a photo to try again."
    : received < bytes ? `Loading the reader: ${megabytes(received)} of ${megabytes(bytes)} MB …` : "Starting the reader …";
}

worker.addEventListener("message", ({ data }) => {
  const { id, readings, error, progress } = data;
  if (!id) {
    showProgress(data);
    return;
  }
  const { resolve, reject, say } = waiting.get(id);
  if (progress) {
    say?.(progress);
    return;
  }
  waiting.delete(id);
  if (error) reject(new Error(error));
  else resolve(readings);
});
worker.addEventListener("error", () => {
  broken = "This browser cannot run the reader: it needs WebAssembly and module workers, as browsers since 2023 have them.";
  for (const { reject } of waiting.values()) reject(new Error(broken));
  waiting.clear();
});

export const listModels = async () => [await description];

// Reads an image (a Blob): a list of one reading, or of one for each number in it. `say` is called with texts on the
// progress, while the numbers are located.
export function readImage(blob, _, box, all, say) {
  if (broken) return Promise.reject(new Error(broken));
  return new Promise((resolve, reject) => {
    requests += 1;
    waiting.set(requests, { resolve, reject, say });
    worker.postMessage({ id: requests, blob: blob === sent ? null : blob, box, all });
    sent = blob;
  });
}

// Reads the number in an image, or that in a box: left, top, right, bottom in pixels.
window.readNumber = async (blob, box = null) => (await readImage(blob, [], box))[0];
window.readAllNumbers = (blob) => readImage(blob, [], null, true);

navigator.serviceWorker?.register("offline.js");
