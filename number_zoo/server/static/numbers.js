// The numbers of an image as a list of buttons, one of which is selected.

import { find, make, probabilityText } from "./dom.js";
import { accepted, sayReading } from "./readings.js";

// Draws the list, or hides it if `readings` is null. `choose` is called with the index of the
// number whose button is pressed.
export function drawNumbers(readings, chosen, threshold, choose) {
  const list = find("numbers");
  list.hidden = !readings;
  const held = [...list.querySelectorAll("button")].indexOf(document.activeElement);
  const several = new Set(readings?.map(({ model }) => model)).size > 1;
  const items = (readings ?? []).flatMap((reading, index) => {
    const sure = accepted(reading, threshold);
    const button = make(
      "button",
      {
        type: "button",
        "aria-current": String(index === chosen),
        "aria-label": sayReading(reading, threshold),
        title: reading.model,
        onclick: () => choose(index),
      },
      make("b", {}, reading.number),
      make("span", { className: sure ? "accepted" : "unsure" }, `${sure ? "✓" : "?"} ${probabilityText(reading.confidence)}`),
    );
    button.style.setProperty("--colour", reading.colour);
    const begins = several && reading.model !== readings[index - 1]?.model;
    const heading = begins ? [make("li", { className: "soft model" }, reading.model)] : [];
    return [...heading, make("li", {}, button)];
  });
  if (readings && !items.length) items.push(make("li", { className: "soft" }, "No numbers found."));
  list.replaceChildren(...items);
  list.querySelectorAll("button")[held]?.focus();
}
