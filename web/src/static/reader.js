// The worker: decodes images, runs the model with ONNX Runtime and describes its reading as the server's
// API does. One image after the other.

import { env, InferenceSession, Tensor } from "./onnxruntime.js";

const LARGEST = 2048; // pixels of the longer side: more only takes longer
const MARGIN = 0.7; // as the glimpses have it: a box is enlarged by this fraction,
const MIN_CROP = 8; // and is so many pixels wide and high at least
const [MIN_TURNED, MIN_RIVAL] = [0.98, 0.8]; // for readings in other quarter turns, as number_zoo/any_turn.py has them
const [MIN_ASPECT, MAX_CONFIDENCE, MIN_EXTENDED, STACK_MARGIN] = [1.4, 0.97, 0.5, 0.15]; // as number_zoo/stacked.py has them
const [SURE, MAX_HEIGHT] = [0.6, 128]; // as number_zoo/smoothed.py has them
const BINOMIAL = [1, 4, 6, 4, 1];
const [LIGHT, MOSTLY_OPAQUE] = [170, 0.9];
const ATTENTION_SCALE = 8; // drawn larger than it is, so that it is smooth
const WARM_UP = [64, 32]; // size of an image that is read first: the first one takes longer

// Downloads a file of the page, counting what arrives.
async function download(name, signal) {
  const response = await fetch(name, { signal });
  if (!response.ok) throw new Error(`${name} answers with ${response.status}`);
  const count = new TransformStream({
    transform(chunk, controller) {
      postMessage({ received: chunk.length });
      controller.enqueue(chunk);
    },
  });
  return response.body.pipeThrough(count);
}

async function load(signal) {
  const [runtime, model, description] = await Promise.all([
    download("onnxruntime.wasm.gzip", signal).then((body) =>
      new Response(body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer()),
    download("model.onnx", signal).then((body) => new Response(body).arrayBuffer()),
    fetch("model.json", { signal }).then((response) => response.json()),
  ]);
  env.wasm.wasmBinary = runtime;
  env.wasm.numThreads = 1; // more need headers that static hosts do not send
  const session = await InferenceSession.create(model, { executionProviders: ["wasm"] });
  const reader = { session, description };
  const [width, height] = WARM_UP;
  await run(reader, { pixels: new Uint8Array(width * height * 3), width, height, scale: 1 }, null);
  postMessage({ ready: true });
  return reader;
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

// An image as RGB bytes, upright, as number_zoo/images.py decodes it.
async function decode(blob) {
  const image = await createImageBitmap(blob, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  const scale = Math.min(1, LARGEST / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)));
  const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, 0, 0, width, height);
  image.close();
  const { data } = pen.getImageData(0, 0, width, height);
  return { pixels: opaque(data), width, height, scale };
}

// RGBA to RGB, over black where what is visible is light, else over white.
function opaque(data) {
  let visible = 0;
  let luminance = 0;
  for (let at = 0; at < data.length; at += 4) {
    visible += data[at + 3];
    luminance += data[at + 3] * (0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]);
  }
  const transparent = visible < MOSTLY_OPAQUE * 255 * (data.length / 4);
  const ground = visible && transparent && luminance / visible > LIGHT ? 0 : 255;
  const pixels = new Uint8Array((data.length / 4) * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const alpha = data[from + 3] / 255;
    for (let channel = 0; channel < 3; channel += 1, to += 1) {
      pixels[to] = Math.round(data[from + channel] * alpha + ground * (1 - alpha));
    }
  }
  return pixels;
}

// The crop to read for a box, as number_zoo/boxes.py has it; an empty one for the whole image.
function cropFor(box, { width, height, scale }) {
  if (!box) return [0, 0, 0, 0];
  const [left, top, right, bottom] = box.map((edge) => edge * scale);
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const [across, down] = [right - left, bottom - top].map((side) => Math.max(side * (1 + MARGIN), MIN_CROP) / 2);
  return [Math.max(0, x - across), Math.max(0, y - down), Math.min(width, x + across), Math.min(height, y + down)];
}

async function run({ session }, image, box) {
  const { pixels, width, height } = image;
  const outputs = await session.run({
    images: new Tensor("uint8", pixels, [1, height, width, 3]),
    crops: new Tensor("float32", cropFor(box, image), [1, 4]),
    image_sizes: new Tensor("float32", [width, height], [1, 2]),
  });
  return Object.fromEntries(Object.entries(outputs).map(([name, { data, dims }]) => [name, { data: [...data], dims }]));
}

// An image after the filter of number_zoo/smoothed.py, by rows and then by columns; its edges stay as they are.
function smooth({ pixels, width, height, scale }) {
  const along = new Uint16Array(pixels.length);
  for (let at = 6; at < pixels.length - 6; at += 1) {
    along[at] = BINOMIAL.reduce((sum, weight, tap) => sum + weight * pixels[at + 3 * (tap - 2)], 0);
  }
  const smoothed = pixels.slice();
  for (let row = 2; row < height - 2; row += 1) {
    for (let at = 3 * (row * width + 2); at < 3 * (row * width + width - 2); at += 1) {
      const sum = BINOMIAL.reduce((total, weight, tap) => total + weight * along[at + 3 * width * (tap - 2)], 0);
      smoothed[at] = Math.floor(sum / 256 + 0.5);
    }
  }
  return { pixels: smoothed, width, height, scale };
}

// The outputs for an image; after smoothing if that makes them sure, as number_zoo/smoothed.py has it.
async function runSmoothed(reader, image, box) {
  const outputs = await run(reader, image, box);
  const isSure = ({ confidence }) => confidence.data[0] >= SURE;
  const isNumber = ({ length }) => length.data[0] > 0;
  const [, top, , bottom] = outputs.crop.data;
  if ((isSure(outputs) && isNumber(outputs)) || bottom - top > MAX_HEIGHT) return outputs;
  const again = await run(reader, smooth(image), box);
  return isSure(again) && (isNumber(again) || !isSure(outputs)) ? again : outputs;
}

// The digits of a stack in a line, as number_zoo/stacked.py cuts them.
function sideBySide({ pixels, width, height }, [left, top, right, bottom], count) {
  const margin = STACK_MARGIN * (right - left);
  const distance = (bottom - top) / count;
  const first = Math.round(left - margin);
  const across = Math.max(1, Math.round(right + margin) - first); // a box may be thinner than a pixel
  const down = Math.max(1, Math.round(distance * (1 + STACK_MARGIN)));
  const within = (place, size) => Math.min(Math.max(place, 0), size - 1); // the edge is repeated
  const line = { pixels: new Uint8Array(3 * down * across * count), width: across * count, height: down, scale: 1 };
  for (let row = 0, to = 0; row < down; row += 1) {
    for (let index = 0; index < count; index += 1) {
      const y = within(Math.round(top + (index + 0.5) * distance - down / 2) + row, height);
      for (let column = 0; column < across; column += 1) {
        const from = 3 * (y * width + within(first + column, width));
        for (const channel of [0, 1, 2]) line.pixels[to++] = pixels[from + channel];
      }
    }
  }
  return line;
}

// The outputs for an image; for a number in a tall box the surest of these and of its digits side by side, as
// number_zoo/stacked.py reads them: as many as were read, one more, and then further ones above and below.
async function runStacked(reader, image, box) {
  const outputs = await runSmoothed(reader, image, box);
  const [count] = outputs.length.data;
  const { box: place, crop, attention } = outputs;
  const several = count > 1 && count <= outputs.digits.data.length;
  if (!place || !several || outputs.confidence.data[0] >= MAX_CONFIDENCE) return outputs;
  const [left, top, right, bottom] = place.data;
  if (bottom - top < MIN_ASPECT * Math.max(right - left, 1)) return outputs;
  const runLine = async (edges, digits) => {
    const line = sideBySide(image, edges, digits);
    const again = await runSmoothed(reader, line, [0, 0, line.width, line.height]);
    return { ...again, box: { ...place, data: edges }, crop, attention };
  };
  let best = outputs;
  for (const digits of [count, count + 1]) {
    const again = await runLine(place.data, digits);
    if (numberOf(again).length === digits && again.confidence.data[0] > best.confidence.data[0]) best = again;
  }
  for (;;) {
    const edges = best.box.data;
    const digits = numberOf(best);
    const distance = (edges[3] - edges[1]) / digits.length;
    const extend = (above, below) => [edges[0], edges[1] - above * distance, edges[2], edges[3] + below * distance];
    const longer = await runLine(extend(1, 1), digits.length + 2);
    const number = numberOf(longer);
    const above = number.indexOf(digits);
    const below = number.length - digits.length - above;
    if (above < 0 || above + below === 0 || longer.confidence.data[0] < MIN_EXTENDED) return best;
    best = { ...longer, box: { ...place, data: extend(above, below) } };
  }
}

// An image after a quarter turn counter-clockwise.
function turnImage({ pixels, width, height, scale }) {
  const turned = new Uint8Array(pixels.length);
  for (let row = 0, to = 0; row < width; row += 1) {
    for (let column = 0; column < height; column += 1, to += 3) {
      const from = 3 * (column * width + width - 1 - row);
      for (const channel of [0, 1, 2]) turned[to + channel] = pixels[from + channel];
    }
  }
  return { pixels: turned, width: height, height: width, scale };
}

// A box after quarter turns counter-clockwise of an image of that size.
function turnBox(box, turns, [width, height]) {
  if (!turns) return box;
  const [left, top, right, bottom] = box;
  return turnBox([top, width - right, bottom, width - left], turns - 1, [height, width]);
}

// The outputs for an image; where it shows no number, those of another quarter turn if one alone is sure.
async function runAnyTurn(reader, image, box) {
  const upright = { ...(await runStacked(reader, image, box)), turn: 0 };
  if (upright.length.data[0]) return upright;
  const sure = [];
  for (const turn of [1, 2, 3]) {
    const size = [image.width, image.height];
    box &&= turnBox(box, 1, size.map((side) => side / image.scale));
    image = turnImage(image);
    const outputs = await run(reader, image, box);
    if (!outputs.length.data[0] || outputs.confidence.data[0] < MIN_RIVAL) continue;
    for (const edges of [outputs.box, outputs.crop]) {
      if (edges) edges.data = turnBox(edges.data, 4 - turn, [image.width, image.height]);
    }
    sure.push({ ...outputs, turn });
  }
  const confidence = (outputs) => outputs.confidence.data[0];
  const [best, ...others] = sure.toSorted((one, other) => confidence(other) - confidence(one));
  const isRival = (other) => numberOf(other) !== numberOf(best);
  return best && confidence(best) >= MIN_TURNED && !others.some(isRival) ? best : upright;
}

// The attention of one digit as a grey image, brightest where it is largest, turned as the number is.
async function drawAttention({ data, dims: [, cells, maps] }, index, [height, width], turn) {
  const values = Array.from({ length: cells }, (_, cell) => data[cell * maps + index]);
  const most = Math.max(...values);
  const pixels = new ImageData(width, height);
  values.forEach((value, cell) => pixels.data.set([...Array(3).fill((255 * value) / most), 255], 4 * cell));
  const size = [width * ATTENTION_SCALE, height * ATTENTION_SCALE];
  const canvas = new OffscreenCanvas(...(turn % 2 ? size.toReversed() : size));
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.translate(canvas.width / 2, canvas.height / 2);
  pen.rotate((turn * Math.PI) / 2);
  pen.drawImage(await createImageBitmap(pixels), -size[0] / 2, -size[1] / 2, ...size);
  return new FileReaderSync().readAsDataURL(await canvas.convertToBlob());
}

// The digits of a reading; "+" where there are more than the model has places.
function numberOf({ length: { data: [length] }, digits: { data } }) {
  return length > data.length ? "+" : data.slice(0, length).join("");
}

async function describe({ description }, outputs, scale) {
  const length = outputs.length.data[0];
  const places = outputs.digits.data.length;
  const edges = ({ data }) => data.map((edge) => edge / scale);
  const shown = Array.from({ length: length > places ? 0 : length }, (_, place) => place);
  const probabilities = shown.map((place) => outputs.digit_log_probs.data.slice(10 * place, 10 * place + 10).map(Math.exp));
  return {
    model: description.name,
    number: numberOf(outputs),
    confidence: outputs.confidence.data[0],
    box: length && outputs.box ? edges(outputs.box) : null,
    turn: outputs.turn,
    crop: edges(outputs.crop),
    length: outputs.length_log_probs?.data.map(Math.exp) ?? null,
    digits: await Promise.all(
      shown.map(async (place) => {
        const digit = outputs.digits.data[place];
        const { grid } = description;
        const attention = outputs.attention ? await drawAttention(outputs.attention, place + 1, grid, outputs.turn) : null;
        return { digit, probability: probabilities[place][digit], probabilities: probabilities[place], attention };
      }),
    ),
  };
}

async function answer({ id, blob, box }) {
  try {
    const reader = await loaded();
    const began = performance.now();
    const image = await decode(blob);
    const reading = await describe(reader, await runAnyTurn(reader, image, box), image.scale);
    postMessage({ id, reading: { ...reading, milliseconds: performance.now() - began } });
  } catch (error) {
    postMessage({ id, error: error.message });
  }
}

let last = loaded().catch(() => {}); // it is said when an image is read
addEventListener("message", ({ data }) => {
  last = last.then(() => answer(data));
});
