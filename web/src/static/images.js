// Images as {pixels, width, height}: RGB bytes, row by row.

// Pixels of the longer side: the largest canvas of Safari on phones is 4096 pixels wide and high. Of a photo of 12
// megapixels, small numbers are cut at full resolution; it takes about 200 MB while it is decoded.
export const LARGEST = 4096;
const [LIGHT, MOSTLY_OPAQUE] = [170, 0.9]; // as number_zoo/images.py has them
const MAX_PIXELS = 4_000_000; // as number_zoo/reader.py has it
const PRECISION = 22; // bits of the weights of `resize`

// A file as an upright image, as number_zoo/images.py decodes it, and the scale by which it was reduced.
export async function decode(blob) {
  const image = await createImageBitmap(blob, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  const scale = Math.min(1, LARGEST / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)));
  const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, 0, 0, width, height);
  image.close();
  const { data } = pen.getImageData(0, 0, width, height);
  return { image: { pixels: opaque(data), width, height }, scale };
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

// An image after quarter turns counter-clockwise, 0 to 3.
export function turnImage({ pixels, width, height }, turn) {
  const [start, down, across] = [
    [0, width, 1], [width - 1, -1, width], [width * height - 1, -width, -1], [width * (height - 1), 1, -width],
  ][turn];
  const size = turn % 2 ? { width: height, height: width } : { width, height };
  const turned = new Uint8Array(pixels.length);
  for (let row = 0, to = 0; row < size.height; row += 1) {
    let from = 3 * (start + row * down);
    for (let column = 0; column < size.width; column += 1, from += 3 * across) {
      for (let channel = 0; channel < 3; channel += 1) turned[to++] = pixels[from + channel];
    }
  }
  return { pixels: turned, ...size };
}

// The part of an image in a box of whole pixels.
export function cut({ pixels, width }, [left, top, right, bottom]) {
  const part = new Uint8Array(3 * (right - left) * (bottom - top));
  for (let row = top; row < bottom; row += 1) {
    const line = pixels.subarray(3 * (row * width + left), 3 * (row * width + right));
    part.set(line, 3 * (row - top) * (right - left));
  }
  return { pixels: part, width: right - left, height: bottom - top };
}

// Halves to even numbers, as Python rounds: 1.5 times an odd size is one.
const round = (value) => (value % 1 === 0.5 ? 2 * Math.round(value / 2) : Math.round(value));

// An image of about another size, by the filter of Pillow's BILINEAR, which averages where it reduces: the smoothing of
// canvases differs between browsers.
export function resize({ pixels, width, height }, ...size) {
  const [across, down] = size.map((side) => Math.max(1, round(side)));
  const wide = across === width ? pixels : resample(pixels, height, width, across, 3);
  const resized = down === height ? wide : resample(wide, 1, height, down, 3 * across);
  return { pixels: resized, width: across, height: down };
}

// Resizes the middle axis of an array (outer, from, inner), in whole numbers as Pillow does.
function resample(values, outer, from, to, inner) {
  const resampled = new Uint8Array(outer * to * inner);
  const support = Math.max(1, from / to);
  for (let index = 0; index < to; index += 1) {
    const center = (index + 0.5) * (from / to);
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(from, Math.trunc(center + support + 0.5)) - first;
    const weights = Array.from({ length: count }, (_, tap) => 1 - Math.abs(first + tap + 0.5 - center) / support);
    const total = weights.reduce((sum, weight) => sum + weight);
    const taps = Int32Array.from(weights, (weight) => Math.round((weight / total) * 2 ** PRECISION));
    for (let row = 0; row < outer; row += 1) {
      const [start, end] = [(row * from + first) * inner, (row * to + index) * inner];
      for (let at = 0; at < inner; at += 1) {
        let sum = 2 ** (PRECISION - 1); // rounds
        for (let tap = 0; tap < count; tap += 1) sum += taps[tap] * values[start + tap * inner + at];
        resampled[end + at] = sum >> PRECISION;
      }
    }
  }
  return resampled;
}

// An image reduced by a factor, a whole number: the means of so many rows and columns, as Pillow's `reduce`.
function reduce({ pixels, width, height }, factor) {
  const [across, down] = [width, height].map((side) => Math.ceil(side / factor));
  const reduced = new Uint8Array(3 * across * down);
  for (let to = 0; to < reduced.length; to += 3) {
    const [left, top] = [factor * ((to / 3) % across), factor * Math.floor(to / 3 / across)];
    const [right, bottom] = [Math.min(left + factor, width), Math.min(top + factor, height)];
    const count = (right - left) * (bottom - top);
    for (let channel = 0; channel < 3; channel += 1) {
      let sum = count / 2; // rounds
      for (let row = top; row < bottom; row += 1) {
        for (let column = left; column < right; column += 1) sum += pixels[3 * (row * width + column) + channel];
      }
      reduced[to + channel] = sum / count;
    }
  }
  return { pixels: reduced, width: across, height: down };
}

const reducedImages = new WeakMap(); // by the image: it is read again while a box is moved on it

// `predict`, a function from an image and a crop to outputs, for images of any size: one of more than about MAX_PIXELS
// is reduced, and boxes end at its edges, as in number_zoo/reader.py.
export const onReduced = (predict) => async (image, crop) => {
  const factor = Math.ceil(Math.sqrt((image.width * image.height) / MAX_PIXELS));
  if (!reducedImages.has(image)) reducedImages.set(image, factor > 1 ? reduce(image, factor) : image);
  const outputs = await predict(reducedImages.get(image), crop && crop.map((edge) => edge / factor));
  const limits = [image.width, image.height];
  const inImage = (box) => box?.map((edge, axis) => Math.min(edge * factor, limits[axis % 2]));
  return { ...outputs, box: inImage(outputs.box), crop: inImage(outputs.crop) };
};
