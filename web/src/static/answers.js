// Describes the outputs of the reader as the server's API does.

import { numberOf } from "./predictions.js";

const ATTENTION_SCALE = 8; // drawn larger than it is, so that it is smooth

// The attention of one digit as a grey image, brightest where it is largest, turned as the number is.
async function drawAttention({ attention, digits, turn }, place, [height, width]) {
  const values = Array.from({ length: height * width }, (_, cell) => attention[cell * (1 + digits.length) + 1 + place]);
  const most = Math.max(...values);
  const pixels = new ImageData(width, height);
  values.forEach((value, cell) => pixels.data.set([...Array(3).fill((255 * value) / most), 255], 4 * cell));
  const size = [width * ATTENTION_SCALE, height * ATTENTION_SCALE];
  const canvas = new OffscreenCanvas(...(turn % 2 ? size.toReversed() : size));
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.translate(canvas.width / 2, canvas.height / 2);
  pen.rotate((turn * Math.PI) / 2);
  pen.drawImage(await createImageBitmap(pixels), -size[0] / 2, -size[1] / 2, ...size);
  return new FileReaderSync().readAsDataURL(await canvas.convertToBlob());
}

// A reading of the model {name, grid}, in pixels of the file, of which the image was reduced by `scale`.
export async function describe({ name, grid }, outputs, scale) {
  const { length, digits, confidence, turn } = outputs;
  const edges = (box) => box.map((edge) => edge / scale);
  const probabilities = (place) => outputs.digit_log_probs.slice(10 * place, 10 * place + 10).map(Math.exp);
  const shown = digits.slice(0, length > digits.length ? 0 : length);
  return {
    model: name,
    number: numberOf(outputs),
    confidence,
    box: length && outputs.box ? edges(outputs.box) : null,
    turn,
    crop: edges(outputs.crop),
    length: outputs.length_log_probs?.map(Math.exp) ?? null,
    digits: await Promise.all(
      shown.map(async (digit, place) => ({
        digit,
        probability: probabilities(place)[digit],
        probabilities: probabilities(place),
        attention: outputs.attention ? await drawAttention(outputs, place, grid) : null,
      })),
    ),
  };
}
