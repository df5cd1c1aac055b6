// Reads the located numbers of an image, as number_zoo/all_numbers.py does.

import { intersectionOverUnion, overlap, readingOrder, sides, suppress } from "./boxes.js";
import { numberConfidence, numberOf } from "./predictions.js";
import { readStacked } from "./stacked.js";
import { readUpright, uprightCrop } from "./upright.js";

// As number_zoo/all_numbers.py has them.
const [SAME_IOU, SAME_OVERLAP] = [0.5, 0.6];
const [SCORE_WEIGHT, CONFIDENCE_WEIGHT, BIAS] = [1.25, 0.8, -1.03];
const [MIN_CONFIDENCE, MIN_OPPOSITE] = [0.45, 0.6];
const [MIN_BEYOND, WIDENING] = [0.25, 1.5];
const [MAX_REJECTED, DOUBT] = [4, 1.5];
const MIN_WHOLE = 0.9;

const isRead = (reading) => numberConfidence(reading) >= MIN_CONFIDENCE;

// The outputs for each number at locations, {box, score, turn}, in reading order. `predict` reads crops; `progress`
// is called with the index of each location.
export async function readLocated(image, locations, predict, progress) {
  return oneEach(await readEach(image, locations, predict, progress));
}

// The same for every number of an image: the located ones, with less confidence where much else is located; and where
// none is read, the number that fills the image.
export async function readEvery(image, locations, predict, progress) {
  const readings = oneEach(doubted(await readEach(image, locations, predict, progress)));
  if (readings.length) return readings;
  const whole = await predict(image, null);
  const isClear = whole.digits.some((digit) => digit > 0); // rings, as of wall sockets, are like zeros
  const isSure = numberConfidence(whole) >= MIN_WHOLE;
  return isClear && isSure ? [{ ...whole, box: whole.box ?? whole.crop, turn: 0 }] : [];
}

async function readEach(image, locations, predict, progress = () => {}) {
  const readings = [];
  for (const [index, location] of locations.entries()) {
    progress(index);
    readings.push(await readLocation(image, location, predict));
  }
  return readings;
}

// The readings of an image with less confidence, the more of its locations are rejected.
function doubted(readings) {
  const rejected = readings.filter((reading) => !isRead(reading)).length;
  const factor = Math.max(rejected / MAX_REJECTED, 1) ** DOUBT;
  return readings.map(({ confidence, ...outputs }) => ({
    ...outputs,
    confidence: confidence / (confidence + (1 - confidence) * factor),
  }));
}

async function readLocation(image, location, predict) {
  let reading = await readOnce(image, location, predict);
  if (numberConfidence(reading) < MIN_CONFIDENCE) {
    const opposite = await readOnce(image, { ...location, turn: (location.turn + 2) % 4 }, predict);
    const least = Math.max(numberConfidence(reading), MIN_OPPOSITE);
    if (numberConfidence(opposite) > least) reading = opposite;
  }
  const box = widened(reading, location);
  if (!box || numberConfidence(reading) < MIN_CONFIDENCE) return reading;
  const other = await readOnce(image, { ...location, box, turn: reading.turn }, predict);
  const [longer, number] = [other, reading].map(numberOf);
  const contains = longer.length > number.length && longer.includes(number.replace("+", ""));
  return contains && numberConfidence(other) >= MIN_CONFIDENCE ? other : reading;
}

async function readOnce(image, { box, score, turn }, predict) {
  const stacked = (...given) => readStacked(...given, predict);
  const outputs = await readUpright(uprightCrop(image, box, turn), stacked);
  return { ...outputs, box: outputs.box ?? box, confidence: calibrated(score, outputs.confidence) };
}

// The confidence of finding and reading.
export function calibrated(score, confidence) {
  const [found, read] = [score, confidence].map((probability) => {
    const clipped = Math.max(1e-4, Math.min(probability, 1 - 1e-4));
    return Math.log(clipped / (1 - clipped));
  });
  return 1 / (1 + Math.exp(-(SCORE_WEIGHT * found + CONFIDENCE_WEIGHT * read + BIAS)));
}

// The box of a location, longer where the reading extends beyond one of its two ends; undefined where it does not.
function widened({ box, turn }, location) {
  const height = Math.max(Math.min(...sides(location.box)), 1e-3);
  const outward = [-1, -1, 1, 1];
  const beyond = box.map((edge, axis) => ((edge - location.box[axis]) * outward[axis]) / height);
  const isCut = (axis) => axis % 2 === turn % 2 && beyond[axis] >= MIN_BEYOND;
  if (![0, 1, 2, 3].some(isCut)) return undefined;
  return location.box.map((edge, axis) => edge + (isCut(axis) ? outward[axis] * height * (beyond[axis] + WIDENING) : 0));
}

// One reading for each number, in reading order: without uncertain ones and duplicates.
function oneEach(all) {
  const readings = all.filter(isRead);
  const areAlike = (one, other) => {
    const [text, contained] = [one, other].map((reading) => numberOf(reading).replace("+", ""));
    return text.includes(contained) || contained.includes(text);
  };
  const areSame = (one, other) =>
    (overlap(one.box, other.box) > SAME_OVERLAP && areAlike(one, other)) ||
    intersectionOverUnion(one.box, other.box) > SAME_IOU;
  const confidence = (reading) => reading.confidence;
  // Whether a reading is more likely than several separate numbers, its parts.
  const isWhole = (reading) => {
    const isPart = (other) => reading.length > other.length && areSame(reading, other) && areAlike(reading, other);
    const parts = suppress(readings.filter(isPart), confidence, areSame);
    return parts.length > 1 && parts.reduce((product, part) => product * part.confidence, 1) < reading.confidence;
  };
  return readingOrder(suppress(readings, (reading) => reading.confidence + isWhole(reading), areSame));
}
