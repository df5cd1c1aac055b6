// The page: receives, reads, shows, corrects and saves images.

import { listModels, readImage } from "./api.js";
import { find, make } from "./dom.js";
import { listen, prepare, turned } from "./intake.js";
import * as kept from "./kept.js";
import { drawNumbers } from "./numbers.js";
import { Pad } from "./pad.js";
import { accepted, colourOf, drawReadings, sayAll, sayDigit, sayReading } from "./readings.js";
import { Stage } from "./stage.js";

const AT_ONCE = 3; // images that are sent in parallel

const items = []; // {name, blob, url, width, height, readings, all, chosen, error, box, label, drawn}
const pad = { name: "drawn.png", width: 640, height: 400, drawn: true, readings: null };
let models = [];
let current = null;
let shown = null; // the digit whose attention is shown: {model, place}
let threshold = 0.9;
let all = false; // whether all numbers are read instead of the most likely one
let refused = ""; // message about files that are not images

const stage = new Stage(
  (box) => {
    current.box = box;
    shown = null;
    stage.drawAttention(null);
    read(current);
  },
  () => draw(current),
);

const chosenModels = () =>
  models.filter((model) => find("models").querySelector(`[value="${CSS.escape(model.name)}"]`)?.checked ?? true);

// Reads an image. If the request changes in the meantime, the last version is read afterwards.
async function read(item) {
  if (item.busy) {
    item.again = true;
    return;
  }
  item.busy = true;
  do {
    item.again = false;
    item.progress = "Reading …";
    draw(item);
    try {
      const { blob } = item;
      const names = chosenModels().map(({ name }) => name);
      const every = all && !item.box && !item.drawn;
      const readings = await readImage(blob, names, item.box, every, (progress) => {
        item.progress = progress;
        if (item === current) drawBoxes(item);
      });
      for (const reading of readings) reading.colour = colourOf(Math.max(0, names.indexOf(reading.model)));
      // Ignored if the image was rotated in the meantime.
      if (blob === item.blob) Object.assign(item, { readings, all: every, chosen: 0 });
      item.error = null;
    } catch (error) {
      item.error = error.message;
      item.readings = null;
    }
  } while (item.again && item.blob);
  item.busy = false;
  if (!item.blob) item.readings = null; // the pad was cleared in the meantime
  draw(item);
  if (item === current && item.readings) {
    const say = item.all ? sayAll : (readings) => readings.map((one) => sayReading(one, threshold)).join(" ");
    find("spoken").textContent = say(item.readings) || "No numbers found.";
  }
}

// The reading that the box and the correction refer to: the chosen one, or the first with a number.
const mainReading = (item) =>
  item.all
    ? item.readings?.[item.chosen]
    : (item.readings?.find((one) => one.box) ?? item.readings?.find((one) => one.number) ?? item.readings?.[0]);

function hintFor(item, box) {
  if (item.busy && !box) return item.progress;
  if (item.drawn) return item.blob ? "" : "Draw a number above, with finger, pen or mouse.";
  if (item.box) return "Reading inside your box.";
  if (item.all && box) return "Choose a number here or in the list. Drag its box to read another region.";
  if (box) return "Drag the box or its corners to read another region.";
  return item.readings ? "No box found: place one, or draw one with the mouse, to read inside it." : "";
}

function drawBoxes(item) {
  const found = item.readings ?? [];
  const first = item.all ? found[item.chosen] : found.find((one) => one.box);
  const shows = (one) => one.box && one !== first && (!item.all || one.model === first.model);
  const others = item.box ? [] : found.filter(shows).map((one) => (item.all ? {
    ...one,
    label: sayReading(one, threshold),
    className: accepted(one, threshold) ? "" : "unsure",
    choose: () => choose(item, found.indexOf(one)),
  } : one));
  const box = item.box ?? first?.box ?? null;
  if (!stage.grip) {
    const colour = item.box ? "var(--ink)" : (first?.colour ?? colourOf(0));
    stage.drawBoxes(box, colour, item.box ? "yours" : item.all ? "chosen" : "", others);
  }
  find("hint").textContent = hintFor(item, box);
  const again = find("detect-again");
  again.hidden = !item.error && (Boolean(item.drawn) || !item.readings || (!item.box && Boolean(box)));
  again.textContent = item.error ? "Try again" : item.box ? `Detect ${all ? "all numbers" : "the number"}` : "Place a box";
  find("turn").hidden = Boolean(item.drawn);
}

function drawCorrection(item) {
  const reading = mainReading(item);
  const label = find("label");
  if (document.activeElement !== label || item !== label.item) {
    label.value = item.label ?? reading?.number.replace("+", "") ?? "";
    // More digits than the model reads: nothing would be saved as no number.
    label.required = item.label === undefined && Boolean(reading?.number.endsWith("+"));
    label.placeholder = label.required ? "all digits" : "no number";
    checkLabel();
  }
  label.item = item;
  find("correct").hidden = !reading || Boolean(item.all); // to correct one of several numbers, its box is dragged first
  find("correct-note").textContent = kept.has(item)
    ? "Saved. Save again to change it."
    : "The box is saved as well if the reading is correct or you placed it.";
}

function checkLabel() {
  const label = find("label");
  const fits = /^\d*$/.test(label.value.trim());
  label.setCustomValidity(fits ? "" : "Digits only, or nothing for no number.");
}

function drawMessage() {
  const message = find("message");
  const said = [refused, current?.error].filter(Boolean).join(" ");
  message.hidden = !said;
  if (message.textContent !== said) message.textContent = said; // unchanged text would be announced again
}

function refuse(sentence) {
  refused = sentence;
  drawMessage();
}

// On a phone, the chosen image may be below the visible area.
function reveal() {
  if (!matchMedia("(max-width: 760px)").matches) return;
  find(find("message").hidden ? "result" : "message").scrollIntoView();
}

// Draws everything about an image, if it is the current one.
function draw(item) {
  drawStrip();
  if (item !== current) return;
  find("result").hidden = false;
  drawMessage();
  const readings = item.readings ?? [];
  const cards = item.all ? readings.slice(item.chosen, item.chosen + 1) : readings;
  find("result").classList.toggle("many", chosenModels().length > 1 && !item.all);
  find("press-note").hidden = !cards.some(({ digits }) => digits.length);
  drawNumbers(item.all ? item.readings : null, item.chosen, threshold, (index) => choose(item, index));
  drawReadings(cards, threshold, shown, (pressed) => {
    const same = shown && shown.model === pressed.model && shown.place === pressed.place;
    shown = same ? null : pressed;
    draw(item);
    if (shown) find("spoken").textContent = find("press-note").textContent;
  });
  for (const card of find("readings").children) card.classList.toggle("waiting", Boolean(item.busy));
  drawBoxes(item);
  const explained = cards.find((one) => one.model === shown?.model);
  const digit = explained?.digits[shown.place];
  find("press-note").textContent = digit
    ? sayDigit(digit, shown.place)
    : "Press a digit to see the model's attention and the alternatives.";
  const attention = digit?.attention ?? null;
  if (attention !== stage.attention) stage.drawAttention(attention, explained?.crop);
  drawCorrection(item);
}

// Selects one of all numbers in an image.
function choose(item, index) {
  item.chosen = index;
  shown = null;
  draw(item);
  find("spoken").textContent = sayReading(item.readings[index], threshold);
}

// Elements are kept, since the click on a replaced one would be lost.
function drawStrip() {
  const strip = find("strip");
  strip.hidden = items.length < 2;
  for (const item of items.slice(strip.children.length)) {
    const button = { type: "button", className: "thumb", onclick: () => show(item) };
    strip.append(make("li", {}, make("button", button, make("img", { alt: "" }), make("span"))));
  }
  items.forEach((item, index) => {
    const ofFirstModel = ({ model }) => model === item.readings[0].model;
    const readings = item.readings && (item.all ? item.readings.filter(ofFirstModel) : [mainReading(item)]);
    const sure = readings?.every((one) => accepted(one, threshold));
    const numbers = readings?.map(({ number }) => number).join(", ") || "none";
    const text = readings ? `${numbers}${sure ? "" : " ?"}` : item.error ? "✗" : "…";
    const button = strip.children[index].firstChild;
    const [image, caption] = button.children;
    button.setAttribute("aria-current", String(item === current));
    button.setAttribute("aria-label", `${item.name}: ${text}`);
    if (image.src !== item.url) image.src = item.url;
    caption.className = readings ? (sure ? "accepted" : "unsure") : "";
    caption.textContent = text;
  });
}

const isUnread = (item) => item.blob && !item.readings && !item.busy && !item.error;

function show(item) {
  current = item;
  shown = null;
  find("draw").setAttribute("aria-pressed", String(Boolean(item.drawn)));
  find("pad-tools").hidden = !item.drawn;
  stage.show(item.drawn ? { ...item, url: null } : item);
  if (isUnread(item)) read(item);
  else draw(item);
}

async function take(files) {
  const come = [];
  const wrong = [];
  refuse("");
  for (const file of files) {
    let item;
    try {
      item = await prepare(file);
    } catch (error) {
      wrong.push(error.message);
      continue;
    }
    items.push(item);
    come.push(item);
    if (come.length > 1) drawStrip();
    else { // at once, since many large images take long
      show(item);
      reveal();
    }
  }
  if (wrong.length) refuse(wrong.join(" "));
  if (wrong.length && come.length) reveal();
  const next = async () => {
    for (let item = come.shift(); item; item = come.shift()) if (isUnread(item)) await read(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

async function showExamples() {
  const examples = await (await fetch("static/gallery/examples.json")).json();
  find("examples").replaceChildren(
    ...examples.map(({ file, number }) => {
      const address = `static/gallery/${file}`;
      let coming = false; // a second press in the meantime would add it again
      const choose = async () => {
        refuse("");
        const known = items.find((item) => item.name === file);
        if (known) {
          show(known);
          reveal();
        } else if (!coming) {
          coming = true;
          try {
            await take([new File([await (await fetch(address)).blob()], file, { type: "image/jpeg" })]);
          } catch {
            refuse("The example cannot be loaded.");
          }
          coming = false;
        }
      };
      const image = make("img", { src: address, alt: `Drawn image of ${number}` });
      return make("li", {}, make("button", { type: "button", className: "thumb", onclick: choose }, image));
    }),
  );
}

function showModels() {
  const field = find("models");
  find("about-models").append(
    ...models.map(({ name, reads, parameters, licence }) =>
      make("li", {}, make("b", {}, name), ` (${(parameters / 1e6).toFixed(1)} million weights) reads ${reads}.`,
        licence ? ` Licence: ${licence}.` : ""),
    ),
  );
  field.hidden = models.length < 2;
  field.append(
    ...models.map(({ name, reads }, index) => {
      const box = make("input", { type: "checkbox", value: name, checked: index < 4, onchange: change });
      return make("label", { title: reads }, box, name);
    }),
  );
  find("all-switch").hidden = !models[0]?.finds_all;
  if (models[0]?.lexicon) find("lexicon").append(` Only the numbers of a list of ${models[0].lexicon} are read.`);
  function change(event) {
    if (!chosenModels().length) event.target.checked = true; // at least one model is always selected
    readAgain();
  }
}

// Reads the current image again with the new settings; other images when they are shown.
function readAgain() {
  for (const item of [...items, pad]) {
    item.readings = null;
    item.again = Boolean(item.busy);
  }
  if (current?.blob && !current.busy) read(current);
}

function setThreshold(value) {
  threshold = value / 100;
  find("threshold").value = value;
  find("threshold-value").textContent = `${value} %`;
  if (current) draw(current);
}

find("threshold").addEventListener("input", (event) => {
  setThreshold(Number(event.target.value));
  try {
    localStorage.setItem("threshold", event.target.value);
  } catch {
    // Not remembered if the browser has no storage.
  }
});
find("detect-again").addEventListener("click", () => {
  if (current.error) read(current);
  else if (current.box) {
    current.box = null;
    read(current);
  } else stage.placeBox();
});
find("all").addEventListener("change", ({ target }) => {
  all = target.checked;
  shown = null;
  for (const item of items) item.box = null;
  readAgain();
});
let turning = Promise.resolve(); // rotations are applied one after the other
find("turn").addEventListener("click", () => {
  const item = current;
  turning = turning.then(async () => {
    const readings = item.readings?.map((one) => ({ ...one, box: null })) ?? null;
    Object.assign(item, await turned(item), { box: null, readings, error: null });
    if (item === current) {
      shown = null;
      stage.show(item);
    }
    read(item);
  });
});
find("draw").addEventListener("click", () => {
  refuse("");
  show(current?.drawn ? (items[0] ?? pad) : pad);
  reveal();
});
find("label").addEventListener("input", ({ target }) => {
  current.label = target.value.trim();
  target.required = false;
  checkLabel();
});
find("correct").addEventListener("submit", (event) => {
  event.preventDefault();
  const label = find("label").value.trim();
  const found = current.readings.find((one) => one.box && one.number === label)?.box ?? null;
  kept.keep(current.drawn ? { ...current } : current, label, current.box ?? found);
  draw(current);
});

new Pad((file) => {
  pad.blob = file;
  pad.label = undefined;
  shown = null;
  if (file) {
    pad.url = URL.createObjectURL(file);
    read(pad);
  } else {
    pad.readings = null;
    draw(pad);
  }
});
listen(take, refuse);
find("address")?.append(new URL(".", location.href).href); // the page without a server has no API
try {
  setThreshold(Number(localStorage.getItem("threshold") ?? 90));
} catch {
  setThreshold(90);
}
try {
  models = await listModels();
  showModels();
  await showExamples();
} catch (error) {
  refuse(error.message); // images are read all the same, by the server's first model
}
