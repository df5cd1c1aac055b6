// Reads images again after smoothing, as number_zoo/smoothed.py does.

export const SURE = 0.6; // as number_zoo/smoothed.py has it, and this
const MAX_HEIGHT = 128;

// The weighted sum of a value and its neighbours at multiples of a step, by the weights 1, 4, 6, 4 and 1.
const sum = (values, at, step) =>
  values[at - 2 * step] + values[at + 2 * step] + 4 * (values[at - step] + values[at + step]) + 6 * values[at];

// An image after the filter, by rows and then by columns; its edges stay as they are.
function smooth({ pixels, width, height }) {
  const along = new Uint16Array(pixels.length);
  for (let at = 6; at < pixels.length - 6; at += 1) along[at] = sum(pixels, at, 3);
  const smoothed = pixels.slice();
  for (let row = 2; row < height - 2; row += 1) {
    for (let at = 3 * (row * width + 2); at < 3 * (row * width + width - 2); at += 1) {
      smoothed[at] = (sum(along, at, 3 * width) + 128) >> 8;
    }
  }
  return { pixels: smoothed, width, height };
}

// The outputs for an image; after smoothing if that makes them sure.
export async function readSmoothed(image, crop, predict) {
  const outputs = await predict(image, crop);
  const isSure = ({ confidence }) => confidence >= SURE;
  const [, top, , bottom] = outputs.crop;
  if ((isSure(outputs) && outputs.length) || bottom - top > MAX_HEIGHT) return outputs;
  const again = await predict(smooth(image), crop);
  return isSure(again) && (again.length || !isSure(outputs)) ? again : outputs;
}
