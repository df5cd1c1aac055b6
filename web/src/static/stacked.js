// Reads stacked digits again, placed side by side, as number_zoo/stacked.py does.

import { numberOf } from "./predictions.js";

// As number_zoo/stacked.py has them.
const [MIN_ASPECT, MAX_CONFIDENCE, MIN_CONFIDENCE, MARGIN] = [1.4, 0.97, 0.5, 0.15];

// The digits of a stack in a line.
function sideBySide({ pixels, width, height }, [left, top, right, bottom], count) {
  const margin = MARGIN * (right - left);
  const distance = (bottom - top) / count;
  const first = Math.round(left - margin);
  const across = Math.max(1, Math.round(right + margin) - first); // a box may be thinner than a pixel
  const down = Math.max(1, Math.round(distance * (1 + MARGIN)));
  const within = (place, size) => Math.min(Math.max(place, 0), size - 1); // the edge is repeated
  const line = { pixels: new Uint8Array(3 * down * across * count), width: across * count, height: down };
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

// The outputs for an image; for a number in a tall box the surest of these and of its digits side by side: as many as
// were read, one more, and then further ones above and below.
export async function readStacked(image, crop, predict) {
  const outputs = await predict(image, crop);
  const { length, digits, confidence, box: place, attention } = outputs;
  if (!place || length < 2 || length > digits.length || confidence >= MAX_CONFIDENCE) return outputs;
  const [left, top, right, bottom] = place;
  if (bottom - top < MIN_ASPECT * Math.max(right - left, 1)) return outputs;
  const readLine = async (box, count) => {
    const line = sideBySide(image, box, count);
    const again = await predict(line, [0, 0, line.width, line.height]);
    return { ...again, box, crop: outputs.crop, attention };
  };
  let best = outputs;
  for (const count of [length, length + 1]) {
    const again = await readLine(place, count);
    if (numberOf(again).length === count && again.confidence > best.confidence) best = again;
  }
  for (;;) {
    const edges = best.box;
    const before = numberOf(best);
    const distance = (edges[3] - edges[1]) / before.length;
    const extend = (above, below) => [edges[0], edges[1] - above * distance, edges[2], edges[3] + below * distance];
    const longer = await readLine(extend(1, 1), before.length + 2);
    const number = numberOf(longer);
    const above = number.indexOf(before);
    const below = number.length - before.length - above;
    if (above < 0 || above + below === 0 || longer.confidence < MIN_CONFIDENCE) return best;
    best = { ...longer, box: extend(above, below) };
  }
}
