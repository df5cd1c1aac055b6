// The reading of each model as a card: number, verdict, digits and length with their probabilities.

import { find, make, probabilityText } from "./dom.js";

const MOST_IN_ROW = 5; // maximum number of digits

export const colourOf = (index) => `var(--model-${index % 4})`;

export const accepted = (reading, threshold) => reading.confidence >= threshold;

// The text for a reading without digits to show.
const instead = ({ number, length }) => (number ? `more than ${length.length - 2} digits` : "no number");

// A name with line breaks allowed after its separators.
const breakable = (name) => name.split(/(?<=[_./])/).flatMap((part) => [part, make("wbr")]);

const isDigits = ({ number }) => /^\d+$/.test(number);

export function sayReading(reading, threshold) {
  const verdict = accepted(reading, threshold) ? "accepted" : "unsure";
  const number = isDigits(reading) ? [...reading.number].join(" ") : instead(reading);
  return `${reading.model} reads ${number}, ${probabilityText(reading.confidence)}, ${verdict}.`;
}

// How many numbers each model reads in an image; the list has the numbers.
export function sayAll(readings) {
  const names = readings.map(({ model }) => model);
  const counted = [...new Set(names)].map((name) => [name, names.filter((other) => other === name).length]);
  return counted.map(([name, count]) => `${name} reads ${count} number${count > 1 ? "s" : ""}.`).join(" ");
}

// The probable values of a digit, the most probable first.
export function sayDigit({ probabilities, attention }, place) {
  const likely = probabilities
    .map((probability, digit) => ({ probability, digit }))
    .filter(({ probability }) => probability >= 0.01)
    .sort((one, other) => other.probability - one.probability)
    .map(({ probability, digit }) => `${digit} (${probabilityText(probability)})`);
  const shown = attention ? " The highlighted region is the model's attention." : "";
  return `Digit ${place + 1}: ${likely.join(", ")}.${shown}`;
}

function bars(probabilities, best) {
  const line = make("div", { className: "probabilities", "aria-hidden": "true" });
  probabilities.forEach((probability, index) => {
    const bar = make("span", { className: index === best ? "best" : "" });
    bar.style.height = `${100 * probability}%`;
    line.append(bar);
  });
  return line;
}

const axis = (names) =>
  make("div", { className: "axis", "aria-hidden": "true" }, ...names.map((name) => make("span", {}, name)));

function digitButton(digit, place, pressed, press) {
  const probability = probabilityText(digit.probability);
  const title = digit.attention ? "Show the attention" : "Show the alternatives";
  return make(
    "button",
    {
      type: "button",
      className: "digit",
      "aria-pressed": String(pressed),
      "aria-label": `Digit ${place + 1}: ${digit.digit}, ${probability}. ${title}`,
      title,
      onclick: press,
    },
    make("strong", {}, String(digit.digit)),
    make("small", {}, probability),
    bars(digit.probabilities, digit.digit),
    axis([..."0123456789"]),
  );
}

function lengths(reading) {
  const best = reading.length.indexOf(Math.max(...reading.length));
  const names = reading.length.map((_, index) =>
    index + 1 < reading.length.length ? String(index) : "+",
  );
  const words = best + 1 < names.length ? `${best} digit${best === 1 ? "" : "s"}` : "more digits";
  return make(
    "div",
    { className: "lengths" },
    make("span", {}, `Length: ${words}, ${probabilityText(reading.length[best])}`),
    make("div", {}, bars(reading.length, best), axis(names)),
  );
}

function card(reading, threshold, shown, press) {
  const sure = accepted(reading, threshold);
  const scale = make("div", { className: "scale" }, make("span"), make("i"));
  scale.firstChild.style.width = `${100 * reading.confidence}%`;
  scale.lastChild.style.left = `${100 * threshold}%`;
  scale.classList.add(sure ? "accepted" : "unsure");
  const element = make(
    "article",
    { className: "card", "aria-label": reading.model },
    make("h2", {}, ...breakable(reading.model)),
    make(
      "div",
      { className: "number" },
      make("b", { className: isDigits(reading) ? "" : "none" }, isDigits(reading) ? reading.number : instead(reading)),
      make(
        "span",
        { className: `verdict ${sure ? "accepted" : "unsure"}` },
        `${sure ? "✓ accepted" : "? unsure"} · ${probabilityText(reading.confidence)}`,
      ),
    ),
    scale,
  );
  element.style.setProperty("--colour", reading.colour);
  element.style.setProperty("--length", reading.number.length || 1);
  if (reading.digits.length) {
    const digits = reading.digits.map((digit, place) =>
      digitButton(digit, place, shown === place, () => press(place)),
    );
    const rows = Math.ceil(digits.length / MOST_IN_ROW);
    const list = make("div", { className: "digits" }, ...digits);
    list.style.setProperty("--columns", Math.ceil(digits.length / rows));
    element.append(list);
  }
  if (reading.length) element.append(lengths(reading));
  element.append(make("p", { className: "soft" }, `Read in ${(reading.milliseconds / 1000).toFixed(2)} s`));
  return element;
}

// Draws the cards. `shown` is the digit whose attention is shown, {model, place}, or null; `press` is
// called with the same when a digit is pressed.
export function drawReadings(readings, threshold, shown, press) {
  const list = find("readings");
  const held = [...list.querySelectorAll("button")].indexOf(document.activeElement);
  list.replaceChildren(
    ...readings.map((reading) =>
      card(
        reading,
        threshold,
        shown?.model === reading.model ? shown.place : -1,
        (place) => press({ model: reading.model, place }),
      ),
    ),
  );
  list.querySelectorAll("button")[held]?.focus();
}
