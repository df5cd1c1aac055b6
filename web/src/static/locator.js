// Finds the numbers in an image, as number_zoo/locator.py does.

import { intersectionOverUnion, sides, suppress } from "./boxes.js";
import { resize } from "./images.js";

// As number_zoo/locator.py has them.
const [MIN_OVERVIEW, OVERVIEW, MAX_ENLARGEMENT] = [256, 640, 4];
const [DETAIL, DETAIL_ENLARGEMENT, MAX_DETAIL_SIZE] = [2048, 1.5, 0.4 * OVERVIEW];
const [COARSE, MIN_COARSE_LENGTH] = [0.5, 125];
const [MIN_SCORE, MAX_IOU] = [0.3, 0.4];

// Factors by which an image is resized for the overview and for the detail pass.
function scales({ width, height }) {
  const side = Math.max(width, height);
  const enlargement = Math.max(1, Math.min(MAX_ENLARGEMENT, MIN_OVERVIEW / side));
  const elongated = Math.sqrt((DETAIL * DETAIL * 9) / 16 / (width * height));
  const detail = Math.min(DETAIL_ENLARGEMENT * enlargement, Math.max(DETAIL / side, elongated));
  return [Math.min(enlargement, OVERVIEW / side), detail];
}

// The numbers that one pass over a scaled image locates, in pixels of an image of that size.
async function onePass(run, scaled, { width, height }, most, least) {
  const { boxes, scores, turns } = await run(scaled);
  const limits = [scaled.width, scaled.height];
  const located = Array.from(scores, (score, row) => {
    const edges = Array.from(boxes.slice(4 * row, 4 * row + 4));
    const box = edges.map((edge, axis) => Math.max(0, Math.min(edge, limits[axis % 2])));
    return { box, score, turn: turns[row] };
  });
  const fits = ({ box }) => {
    const [shorter, longer] = sides(box).sort((one, other) => one - other);
    return shorter > 0 && shorter <= most && longer >= least;
  };
  const factors = [width / scaled.width, height / scaled.height];
  const inImage = (box) => box.map((edge, axis) => edge * factors[axis % 2]);
  return located.filter(fits).map((location) => ({ ...location, box: inImage(location.box) }));
}

// The located numbers, {box, score, turn}, by descending score. `run` returns the outputs of the graph for an image.
export async function locate(image, run) {
  const { width, height } = image;
  const [overview, detail] = scales(image);
  const large = resize(image, width * detail, height * detail);
  const source = detail < 1 ? large : image;
  const scaled = (scale) => resize(source, width * scale, height * scale);
  const located = [
    ...(await onePass(run, large, image, MAX_DETAIL_SIZE, 0)),
    ...(await onePass(run, scaled(overview), image, Infinity, 0)),
    ...(await onePass(run, scaled(overview * COARSE), image, Infinity, MIN_COARSE_LENGTH)),
  ];
  return suppress(
    located.filter(({ score }) => score >= MIN_SCORE),
    ({ score }) => score,
    (one, other) => intersectionOverUnion(one.box, other.box) > MAX_IOU,
  );
}
