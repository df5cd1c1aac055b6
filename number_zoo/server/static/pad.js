// A pad to draw a number on, with finger, pen or mouse.

import { find } from "./dom.js";
import { toBlob } from "./intake.js";

const WIDTH = 22; // width of a stroke in pixels of the canvas

export class Pad {
  // Calls `drawn(file)` when a stroke ends, with null when the pad is empty again.
  constructor(drawn) {
    this.canvas = find("pad");
    this.pen = this.canvas.getContext("2d");
    this.strokes = [];
    this.drawn = drawn;
    this.canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(end, (event) => this.#end(event));
    }
    find("undo").addEventListener("click", () => this.#keep(this.strokes.slice(0, -1)));
    find("clear").addEventListener("click", () => this.#keep([]));
    this.#paint();
  }

  #place(event) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - left) / width) * this.canvas.width,
      ((event.clientY - top) / height) * this.canvas.height,
    ];
  }

  #begin(event) {
    if (this.stroke || !event.isPrimary) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.stroke = [this.#place(event)];
    this.#paint();
  }

  #move(event) {
    if (!this.stroke) return;
    const steps = event.getCoalescedEvents?.() ?? [];
    for (const step of steps.length ? steps : [event]) this.stroke.push(this.#place(step));
    this.#paint();
  }

  #end() {
    if (!this.stroke) return;
    const strokes = [...this.strokes, this.stroke];
    this.stroke = null;
    this.#keep(strokes);
  }

  async #keep(strokes) {
    this.strokes = strokes;
    this.#paint();
    if (!strokes.length) {
      this.drawn(null);
      return;
    }
    const blob = await toBlob(this.canvas, "image/png");
    if (this.strokes === strokes) this.drawn(new File([blob], "drawn.png", { type: "image/png" }));
  }

  #paint() {
    const { pen } = this;
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    pen.lineWidth = WIDTH;
    pen.lineCap = pen.lineJoin = "round";
    pen.strokeStyle = "#111";
    for (const stroke of this.stroke ? [...this.strokes, this.stroke] : this.strokes) {
      pen.beginPath();
      pen.moveTo(...stroke[0]);
      for (const place of stroke) pen.lineTo(...place);
      pen.stroke();
    }
  }
}
