// The image with the boxes on it, and the attention of a model. All boxes are left, top, right and
// bottom in pixels of the image.

import { find, make } from "./dom.js";

const LEAST = 4; // pixels that a box is wide and high at least
const STEP = 0.01; // of the image's width, for each press of an arrow key
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Stage {
  // Calls `moved(box)` while the box is dragged, and with null when the model is to detect the number;
  // `released()` when it is let go.
  constructor(moved, released) {
    this.element = find("stage");
    this.frame = find("box");
    this.moved = moved;
    this.box = null;
    this.element.addEventListener("pointerdown", (event) => this.#begin(event));
    this.element.addEventListener("pointermove", (event) => this.#drag(event));
    for (const end of ["pointerup", "pointercancel"]) {
      this.element.addEventListener(end, () => {
        if (!this.grip) return;
        this.grip = null;
        released();
      });
    }
    this.frame.addEventListener("keydown", (event) => this.#key(event));
  }

  // Shows an image, or the pad: a size, and an address unless it is the pad.
  show({ width, height, url, name }) {
    this.width = width;
    this.height = height;
    this.element.style.setProperty("--aspect", width / height);
    const image = find("image");
    image.hidden = !url;
    find("pad").hidden = Boolean(url);
    this.fixed = !url;
    if (url && image.src !== url) {
      image.src = url;
      image.width = width; // so that nothing jumps once it is there
      image.height = height;
      image.alt = name;
    }
    this.drawAttention(null);
  }

  #lay(element, [left, top, right, bottom]) {
    element.style.left = `${(100 * left) / this.width}%`;
    element.style.top = `${(100 * top) / this.height}%`;
    element.style.width = `${(100 * (right - left)) / this.width}%`;
    element.style.height = `${(100 * (bottom - top)) / this.height}%`;
  }

  // Draws the box that can be moved, if any, and those of other models, or of other numbers, which
  // have a function `choose` for when they are pressed. Its kind is "yours", "chosen" of all numbers
  // (then without grips, which would cover a small one), or "".
  drawBoxes(box, colour, kind, others) {
    this.box = box;
    this.frame.hidden = !box;
    this.frame.className = kind;
    this.frame.classList.toggle("fixed", this.fixed);
    this.frame.tabIndex = this.fixed ? -1 : 0;
    this.frame.style.borderColor = colour;
    if (box) this.#lay(this.frame, box);
    find("other-boxes").replaceChildren(
      ...others.map((other) => {
        const { choose, label, className } = other;
        // By keyboard they are chosen in the list.
        const button = choose && { type: "button", tabIndex: -1, title: label, className, onclick: choose };
        const element = button ? make("button", { ...button, "aria-label": label }) : make("div");
        element.style.borderColor = other.colour;
        this.#lay(element, other.box);
        return element;
      }),
    );
  }

  #place(event) {
    const { left, top, width, height } = this.element.getBoundingClientRect();
    const within = (part) => Math.max(0, Math.min(1, part)); // the pointer may leave the image
    return [
      within((event.clientX - left) / width) * this.width,
      within((event.clientY - top) / height) * this.height,
    ];
  }

  #begin(event) {
    if (this.fixed || !event.isPrimary || event.button || event.target.closest("button")) return;
    const [x, y] = this.#place(event);
    const edges = event.target.dataset?.edges;
    if (edges) this.grip = { edges };
    else if (event.target === this.frame) this.grip = { edges: "", from: [x, y], box: this.box };
    else if (event.pointerType === "mouse") {
      this.grip = { edges: "rb", corner: [x, y] }; // a new box; a finger there scrolls the page
    } else return;
    if (!this.grip.corner) this.frame.focus({ preventScroll: true });
    event.preventDefault();
    this.element.setPointerCapture(event.pointerId);
  }

  #drag(event) {
    if (!this.grip) return;
    const [x, y] = this.#place(event);
    const { edges, from, corner, box } = this.grip;
    if (corner) {
      if (Math.min(Math.abs(x - corner[0]), Math.abs(y - corner[1])) < LEAST) return;
      this.#set([
        Math.min(x, corner[0]), Math.min(y, corner[1]),
        Math.max(x, corner[0]), Math.max(y, corner[1]),
      ]);
    } else if (from) {
      this.#set(this.#shifted(box, x - from[0], y - from[1]));
    } else {
      const moved = [...this.box];
      if (edges.includes("l")) moved[0] = Math.min(x, moved[2] - LEAST);
      if (edges.includes("t")) moved[1] = Math.min(y, moved[3] - LEAST);
      if (edges.includes("r")) moved[2] = Math.max(x, moved[0] + LEAST);
      if (edges.includes("b")) moved[3] = Math.max(y, moved[1] + LEAST);
      this.#set(moved);
    }
  }

  #shifted(box, x, y) {
    const right = Math.max(-box[0], Math.min(this.width - box[2], x));
    const down = Math.max(-box[1], Math.min(this.height - box[3], y));
    return [box[0] + right, box[1] + down, box[2] + right, box[3] + down];
  }

  #key(event) {
    if (event.key === "Escape") {
      this.moved(null);
      return;
    }
    const way = ARROWS[event.key];
    if (!way || !this.box) return;
    event.preventDefault();
    const step = Math.max(1, STEP * this.width);
    const [x, y] = way.map((one) => one * step);
    if (!event.shiftKey) this.#set(this.#shifted(this.box, x, y));
    else {
      const [left, top, right, bottom] = this.box;
      this.#set([left, top, Math.max(left + LEAST, right + x), Math.max(top + LEAST, bottom + y)]);
    }
  }

  #set(box) {
    const inside = (edge, most) => Math.max(0, Math.min(most, edge));
    this.box = [
      inside(box[0], this.width), inside(box[1], this.height),
      inside(box[2], this.width), inside(box[3], this.height),
    ];
    this.frame.hidden = false;
    this.#lay(this.frame, this.box);
    this.moved(this.box);
  }

  // Places a box in the middle, for whoever cannot drag one.
  placeBox() {
    const [x, y] = [this.width / 4, this.height / 4];
    this.#set([x, y, 3 * x, 3 * y]);
    this.frame.focus();
  }

  // Lays attention (the address of a grey image) over a part of the image; null takes it away.
  async drawAttention(address, part) {
    const canvas = find("attention");
    this.attention = address;
    this.element.classList.toggle("heated", Boolean(address));
    canvas.hidden = !address;
    if (!address) return;
    const image = new Image();
    image.src = address;
    await image.decode();
    if (this.attention !== address) return;
    canvas.width = image.width;
    canvas.height = image.height;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(image, 0, 0);
    const pixels = pen.getImageData(0, 0, image.width, image.height);
    for (let at = 0; at < pixels.data.length; at += 4) {
      pixels.data.set([255, 125, 20, 0.85 * pixels.data[at]], at);
    }
    pen.putImageData(pixels, 0, 0);
    this.#lay(canvas, part);
  }
}
