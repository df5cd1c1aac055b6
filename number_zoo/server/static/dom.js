// Helpers that create elements; strings are inserted as text, never as HTML.

export const find = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

// A probability as text. It is rounded down, so that a value below a threshold is also displayed
// below it, and no value is displayed as certain. Spaces are non-breaking.
export const probabilityText = (probability) =>
  probability > 0.99 ? ">\u00a099\u00a0%" : probability < 0.01 ? "<\u00a01\u00a0%" : `${Math.floor(100 * probability + 1e-6)}\u00a0%`;
