// Images saved with their correct labels, and the folder of them to download: labels.csv as
// datasets/photo_folder/ reads it, and the images.

import { find, make } from "./dom.js";
import { crc32, zip } from "./zip.js";

const FOLDER = "kept_numbers";
const ENDINGS = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif", "image/bmp": "bmp" };

const kept = new Map(); // from an image on the page to its saved data
let saved = true; // whether the folder was downloaded after the last change

export const has = (item) => kept.has(item);

// Saves an image with its number ("" for none) and its box (or null).
export function keep(item, label, box) {
  kept.set(item, { blob: item.blob, url: item.url, name: item.name, label, box });
  saved = false;
  draw();
}

function draw() {
  find("kept").hidden = !kept.size;
  find("kept-list").replaceChildren(
    ...[...kept].map(([item, { url, label }]) =>
      make(
        "li",
        {},
        make("img", { src: url, alt: "" }),
        make(
          "div",
          {},
          make("b", {}, label || "none"),
          make("button", {
            type: "button",
            textContent: "×",
            "aria-label": `Do not keep ${label || "this image without a number"}`,
            onclick: () => {
              kept.delete(item);
              draw();
              find("result").focus();
            },
          }),
        ),
      ),
    ),
  );
}

// A file name that is valid on every system and always the same for the same image.
function fileName({ name, blob }, bytes) {
  const stem = name.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9_-]+/g, "_").slice(0, 40);
  const mark = crc32(bytes).toString(16).padStart(8, "0");
  return `${stem || "image"}-${mark}.${ENDINGS[blob.type] ?? "jpg"}`;
}

async function download() {
  const files = new Map();
  const rows = new Map();
  for (const one of kept.values()) {
    const bytes = new Uint8Array(await one.blob.arrayBuffer());
    const name = fileName(one, bytes);
    const box = one.label && one.box ? one.box.map((edge) => edge.toFixed(1)).join(" ") : "";
    files.set(name, bytes);
    // Always train: images that were selected because they were misread would bias a test.
    rows.set(name, `${name},${one.label},${box},train`);
  }
  const table = `file,label,boxes,split\n${[...rows.values()].join("\n")}\n`;
  const archive = zip([
    { name: `${FOLDER}/labels.csv`, bytes: new TextEncoder().encode(table) },
    ...[...files].map(([name, bytes]) => ({ name: `${FOLDER}/${name}`, bytes })),
  ]);
  const link = make("a", { href: URL.createObjectURL(archive), download: `${FOLDER}.zip` });
  link.click();
  saved = true;
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

addEventListener("beforeunload", (event) => {
  if (kept.size && !saved) event.preventDefault(); // the browser asks for confirmation
});
find("download").addEventListener("click", download);
