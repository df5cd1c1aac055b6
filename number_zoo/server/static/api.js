// Requests to the server, and the errors that they can raise.

// Images with a longer side of more pixels are reduced before they are sent: the largest canvas of Safari on phones is
// 4096 pixels wide and high, and small numbers are cut from photos at full resolution. Files of more bytes are
// compressed anew, since they take long to send.
export const [LARGEST, HEAVIEST] = [4096, 2 ** 21];
const TRIES = 4;

const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

async function ask(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw new Error("The server cannot be reached.");
  }
  return response;
}

export async function listModels() {
  const response = await ask("api/models");
  if (!response.ok) throw new Error(await reason(response));
  return (await response.json()).models;
}

// Reads one image: a list of readings, one for each model, or for each number in it. While the server is busy, the
// request is repeated after the time that the server requests.
export async function readImage(blob, models, box, all) {
  const query = new URLSearchParams({ explain: "true" });
  for (const model of models) query.append("model", model);
  if (all) query.set("all", "true");
  if (box) query.set("box", box.map((edge) => edge.toFixed(1)).join(","));
  for (let tried = 1; ; tried += 1) {
    const response = await ask(`api/read?${query}`, { method: "POST", body: blob });
    if (response.ok) {
      const { images, milliseconds } = await response.json();
      return images[0].readings.map((reading) => ({ ...reading, milliseconds }));
    }
    if (response.status !== 503 || tried === TRIES) throw new Error(await reason(response));
    await pause(Math.min(10, Number(response.headers.get("Retry-After")) || 1));
  }
}

async function reason(response) {
  const { detail } = await response.json().catch(() => ({})); // a proxy has other answers
  return detail ?? `The server answered with ${response.status}.`;
}
