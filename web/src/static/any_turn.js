// Reads images whose number may be small, on its side or upside down, as number_zoo/any_turn.py does.

import { turnBox } from "./boxes.js";
import { turnImage } from "./images.js";
import { numberConfidence, numberOf } from "./predictions.js";
import { readSmall } from "./small_numbers.js";
import { readSmoothed, SURE } from "./smoothed.js";
import { readStacked } from "./stacked.js";
import { readUpright } from "./upright.js";

const [MIN_TURNED, MIN_RIVAL] = [0.98, 0.8]; // as number_zoo/any_turn.py has them

// The outputs for an image; where it shows no number, or an unsure one, those of a small number, and where it shows
// none those of another quarter turn if one alone is sure. `locate` finds the numbers in an image.
export async function readAnyTurn(image, crop, predict, locate) {
  const smoothed = (...given) => readSmoothed(...given, predict);
  const upright = { ...(await readStacked(image, crop, smoothed)), turn: 0 };
  const isUnsure = !crop && numberConfidence(upright) < SURE;
  const small = isUnsure ? await readSmall(image, predict, locate) : undefined;
  if (small || upright.length) return small ?? upright;
  const turned = [];
  for (const turn of [1, 2, 3]) {
    const window = crop && turnBox(crop, turn, image);
    turned.push(await readUpright({ image: turnImage(image, turn), window, turn, origin: [0, 0] }, predict));
  }
  const [best] = turned.toSorted((one, other) => numberConfidence(other) - numberConfidence(one));
  const sure = turned.filter((outputs) => numberConfidence(outputs) >= MIN_RIVAL);
  const isAmbiguous = new Set(sure.map(numberOf)).size > 1;
  return numberConfidence(best) >= MIN_TURNED && !isAmbiguous ? best : upright;
}
