// Sources of images: files, the clipboard, drag and drop, a camera. The file is sent to the server
// unchanged, unless it is large or in a format that the server does not accept.

import { HEAVIEST, LARGEST } from "./api.js";
import { find } from "./dom.js";

const KINDS = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"];

// The second is that of images which would be too heavy with the first: photos of 12 megapixels, of which it makes
// about 2 MB. Even noise of 4096 x 4096 pixels is not more than a server accepts, 10 MiB.
const [QUALITY, QUALITY_OF_HEAVY] = [0.92, 0.8];

export const toBlob = (canvas, kind) =>
  new Promise((done) => canvas.toBlob(done, kind, QUALITY));

const HEIC = /\bhei[cf]\b/i;
const NO_IMAGE =
  "That holds no image, and URLs are not fetched. Copy the image itself, or save it and choose the file.";
const NO_CAMERA = "There is no camera, or this page may not use it: choose a photo instead.";

// Prepares a file for the page: upright, with its size in pixels. Errors have a message for the user.
export async function prepare(file) {
  let image;
  try {
    image = await createImageBitmap(file);
  } catch {
    throw new Error(whyNot(file));
  }
  const name = file.name || "image";
  const { width, height } = image;
  const scale = Math.min(1, LARGEST / Math.max(width, height));
  if (scale < 1 || file.size > HEAVIEST || !KINDS.includes(file.type)) {
    const size = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
    return { name, ...(await drawAnew(image, ...size, (pen) => pen.scale(size[0] / width, size[1] / height))) };
  }
  image.close();
  // A copy, since the file may be changed or removed while the page is open.
  const blob = new Blob([await file.arrayBuffer()], { type: file.type });
  return { name, blob, width, height, url: URL.createObjectURL(blob) };
}

// The image rotated clockwise by a quarter turn.
export async function turned({ blob }) {
  const image = await createImageBitmap(blob);
  const { width, height } = image;
  return drawAnew(image, height, width, (pen) => {
    pen.translate(height, 0);
    pen.rotate(Math.PI / 2);
  });
}

async function drawAnew(image, width, height, place) {
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  place(pen);
  pen.drawImage(image, 0, 0);
  image.close();
  const { data } = pen.getImageData(0, 0, width, height);
  let opaque = true;
  for (let at = 3; at < data.length && opaque; at += 4) opaque = data[at] > 250;
  // Transparency is kept: the reader chooses the ground on which the content is visible.
  const type = opaque ? "image/jpeg" : "image/webp";
  let blob = await canvas.convertToBlob({ type, quality: QUALITY });
  if (blob.size > HEAVIEST) blob = await canvas.convertToBlob({ type, quality: QUALITY_OF_HEAVY });
  return { blob, width, height, url: URL.createObjectURL(blob) };
}

function whyNot({ name, type }) {
  return HEIC.test(name) || HEIC.test(type)
    ? `${name} is a HEIC image, which this browser cannot show: save it as JPEG first. An iPhone takes JPEG with Settings, Camera, Formats, Most Compatible.`
    : `This browser cannot show ${name || "that"} as an image.`;
}

// Calls `take(files)` with the files that are chosen, dropped or pasted, and `refuse(sentence)` if
// there are none.
export function listen(take, refuse) {
  const files = find("files");
  const phone = find("phone-camera");
  find("choose").addEventListener("click", () => files.click());
  for (const input of [files, phone]) {
    input.addEventListener("change", () => {
      take([...input.files]);
      input.value = "";
    });
  }
  find("photograph").addEventListener("click", () => photograph(take, refuse, phone));
  addEventListener("paste", (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (pasted.length) {
      event.preventDefault();
      take(pasted);
    } else if (!event.target.matches?.("input")) refuse(NO_IMAGE);
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    const dropped = [...event.dataTransfer.files];
    if (dropped.length) take(dropped);
    else refuse(NO_IMAGE);
  });
}

// Phones have a better camera app; on other devices the page takes the image.
async function photograph(take, refuse, phone) {
  if (matchMedia("(pointer: coarse)").matches || !navigator.mediaDevices) {
    phone.click();
    return;
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: 1920 } },
    });
  } catch {
    refuse(NO_CAMERA);
    phone.click(); // browsers ignore it if the user took long to refuse
    return;
  }
  const dialog = find("camera");
  const video = find("video");
  const stop = () => video.srcObject?.getTracks().forEach((track) => track.stop());
  stop(); // of an earlier press of the button, if it was pressed twice
  video.srcObject = stream;
  dialog.onclose = stop;
  find("camera-close").onclick = () => dialog.close();
  find("shoot").onclick = async () => {
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    dialog.close();
    take([new File([await toBlob(canvas, "image/jpeg")], "photo.jpg", { type: "image/jpeg" })]);
  };
  dialog.showModal();
}
