// Crops that are turned upright, as in number_zoo/upright.py.

import { cropAround, sides, turnBox } from "./boxes.js";
import { cut, turnImage } from "./images.js";

const [MAX_MARGIN, MIN_MARGIN] = [0.5, 4]; // as number_zoo/upright.py has them

// The crop around a box, with a smaller margin at the ends of a long number.
export function uprightCrop(image, box, turn) {
  const most = Math.max(MAX_MARGIN * Math.min(...sides(box)), MIN_MARGIN);
  const crop = cropAround(box, image).map((edge, axis) =>
    Math.max(box[axis % 2] - most, Math.min(edge, box[2 + (axis % 2)] + most)));
  const [left, top] = crop.slice(0, 2).map(Math.floor);
  const [right, bottom] = crop.slice(2).map(Math.ceil);
  const part = cut(image, [left, top, right, bottom]);
  const window = turnBox(crop.map((edge, axis) => edge - [left, top][axis % 2]), turn, part);
  return { image: turnImage(part, turn), window, turn, origin: [left, top] };
}

// The outputs for such a crop, with `turn`; boxes are in pixels of the image that it was cut from.
export async function readUpright({ image, window, turn, origin }, predict) {
  const outputs = await predict(image, window);
  const inImage = (box) => turnBox(box, (4 - turn) % 4, image).map((edge, axis) => edge + origin[axis % 2]);
  return { ...outputs, box: outputs.box && inImage(outputs.box), crop: inImage(outputs.crop), turn };
}
