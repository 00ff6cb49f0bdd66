// What the page computes, without a page: node edit_in_node.mjs MODEL RUNTIME < request.json > answer.json
// MODEL is a folder of `export --onnx`, RUNTIME holds onnxruntime-web. A request is { texts } or
// { clip, instruction, steps, seed }, with the pixels of clips in base64; the answer is { ids } or { pixels, seconds }.

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { loadEditor } from "./edit.js";
import { tokenizerOf } from "./tokenizer.js";

const [model, runtime] = process.argv.slice(2).map((place) => resolve(place));
const read = async (name) => {
  const bytes = await readFile(join(model, name));
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
};
const { texts, clip, instruction, steps, seed } = JSON.parse(await text(process.stdin));

if (texts) {
  const tokenize = tokenizerOf(new TextDecoder().decode(await read("tokenizer.json")));
  process.stdout.write(JSON.stringify({ ids: texts.map(tokenize) }));
} else {
  const ort = await import(pathToFileURL(join(runtime, "ort.wasm.bundle.min.mjs")));
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await readFile(join(runtime, "ort-wasm-simd-threaded.wasm"));
  const { edit } = await loadEditor(ort, read);
  const started = performance.now();
  const { pixels } = await edit({ ...clip, pixels: Buffer.from(clip.pixels, "base64") }, instruction, { steps, seed });
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(JSON.stringify({ pixels: Buffer.from(pixels).toString("base64"), seconds }));
}
