// Reads the number of an image in which it is small, as number_zoo/small_numbers.py does.

import { calibrated, readLocated } from "./all_numbers.js";
import { sides } from "./boxes.js";

// As number_zoo/small_numbers.py has them.
const [MIN_SIDE, MAX_HEIGHT] = [64, 0.2];
const [MAX_ERRORS, MIN_SINGLE] = [0.15, 0.98];

// The outputs for the highest of the small numbers that are surely read in an image; undefined if there is none.
// `locate` finds the numbers in an image.
export async function readSmall(image, predict, locate) {
  const shorter = Math.min(image.width, image.height);
  if (shorter < MIN_SIDE) return undefined;
  const located = await locate(image);
  const height = ({ box, turn }) => sides(box)[1 - (turn % 2)];
  const isSmall = (reading) => height(reading) <= MAX_HEIGHT * shorter;
  const hasFewErrors = (confidence) => (1 - confidence) * located.length <= MAX_ERRORS;
  const isSure = ({ confidence, length }) => hasFewErrors(confidence) && (length > 1 || confidence >= MIN_SINGLE);
  const choose = async (locations) => {
    const readings = await readLocated(image, locations, predict);
    const small = readings.filter((reading) => isSmall(reading) && isSure(reading));
    return small.sort((one, other) => height(other) - height(one))[0];
  };
  const able = located.filter(({ score }) => hasFewErrors(calibrated(score, 1)));
  if (able.length < located.length) { // on a page of text, where this saves most of the time
    let isAny = false;
    for (const location of able) isAny ||= Boolean(await choose([location])); // does not depend on the others
    if (!isAny) return undefined;
  }
  return choose(located);
}
