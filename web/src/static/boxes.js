// Boxes, left, top, right and bottom in pixels, as in number_zoo/boxes.py.

const [MARGIN, MIN_CROP] = [0.7, 8]; // as number_zoo/boxes.py has them

// The crop to read for a number in a box: enlarged, within the image.
export function cropAround([left, top, right, bottom], { width, height }) {
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const [across, down] = [right - left, bottom - top].map((side) => Math.max(side * (1 + MARGIN), MIN_CROP) / 2);
  return [Math.max(0, x - across), Math.max(0, y - down), Math.min(width, x + across), Math.min(height, y + down)];
}

// A box after quarter turns counter-clockwise of an image of that size.
export function turnBox(box, turns, { width, height }) {
  if (!turns) return box;
  const [left, top, right, bottom] = box;
  return turnBox([top, width - right, bottom, width - left], turns - 1, { width: height, height: width });
}

export const sides = ([left, top, right, bottom]) => [right - left, bottom - top];

const area = (box) => sides(box).reduce((width, height) => width * height);

export function intersection(one, other) {
  const common = one.map((edge, axis) => (axis < 2 ? Math.max : Math.min)(edge, other[axis]));
  return sides(common).every((side) => side > 0) ? area(common) : 0;
}

export function intersectionOverUnion(one, other) {
  const common = intersection(one, other);
  return common / Math.max(area(one) + area(other) - common, 1e-9);
}

// The part of the smaller box that both cover.
export const overlap = (one, other) => intersection(one, other) / Math.max(Math.min(area(one), area(other)), 1e-9);

// Greedy non-maximum suppression: of two values for which `exclude` holds, that of the higher score remains. The
// remaining ones come by descending score.
export function suppress(values, score, exclude) {
  const remaining = [];
  for (const value of values.toSorted((one, other) => score(other) - score(one))) {
    if (!remaining.some((other) => exclude(value, other))) remaining.push(value);
  }
  return remaining;
}

// Values in the reading order of their boxes: lines from top to bottom, each from left to right.
export function readingOrder(values) {
  const places = values.map((value) => {
    const [left, top, right, bottom] = value.box;
    return { value, left, x: (left + right) / 2, y: (top + bottom) / 2, height: bottom - top };
  });
  places.forEach((place, line) => { place.line = line; });
  for (const place of places) {
    const follows = ({ x, y, height }) => x > place.x && Math.abs(y - place.y) < Math.min(height, place.height) / 2;
    const [next] = places.filter(follows).sort((one, other) => one.x - other.x);
    const joined = places.filter(({ line }) => line === next?.line);
    for (const other of joined) other.line = place.line;
  }
  for (const place of places) {
    const line = places.filter((other) => other.line === place.line);
    place.top = line.reduce((sum, { y }) => sum + y, 0) / line.length;
  }
  const order = (one, other) => one.top - other.top || one.line - other.line || one.left - other.left;
  return places.sort(order).map(({ value }) => value);
}
