// Small help with elements; texts go in as text alone, never as HTML.

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

// A probability in words. It is cut rather than rounded, so that what falls short of a threshold
// also reads so, and nothing is called certain. Its spaces do not break.
export const chanceText = (probability) =>
  probability > 0.99 ? ">\u00a099\u00a0%" : probability < 0.01 ? "<\u00a01\u00a0%" : `${Math.floor(100 * probability + 1e-6)}\u00a0%`;
