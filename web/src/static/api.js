// In place of the server's api.js: images are read in a worker of this page, and never leave it.

const worker = new Worker("static/reader.js", { type: "module" });
const waiting = new Map(); // from a request's number to its promise
let broken = "";
let requests = 0;

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
  const { id, reading, error } = data;
  if (!id) {
    showProgress(data);
    return;
  }
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (error) reject(new Error(error));
  else resolve(reading);
});
worker.addEventListener("error", () => {
  broken = "This browser cannot run the reader: it needs WebAssembly and module workers, as browsers since 2023 have them.";
  for (const { reject } of waiting.values()) reject(new Error(broken));
  waiting.clear();
});

// Reads the number in an image (a Blob), or that in a box: left, top, right, bottom in pixels.
export function readNumber(blob, box = null) {
  if (broken) return Promise.reject(new Error(broken));
  return new Promise((resolve, reject) => {
    requests += 1;
    waiting.set(requests, { resolve, reject });
    worker.postMessage({ id: requests, blob, box });
  });
}

export const listModels = async () => [await description];

export const readImage = async (blob, _, box) => [await readNumber(blob, box)];

window.readNumber = readNumber;
navigator.serviceWorker?.register("offline.js");
