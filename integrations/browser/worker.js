// The model, off the page's own thread: { clip, instruction, steps, seed } in, { step }, { edited } or { error } out.

import * as ort from "./onnxruntime/ort.wasm.bundle.min.mjs";
import { loadEditor } from "./edit.js";

ort.env.wasm.numThreads = 1; // more need headers that a plain host of files does not send
// The file alone: what calls it is in the bundle.
ort.env.wasm.wasmPaths = { wasm: new URL("./onnxruntime/ort-wasm-simd-threaded.wasm", import.meta.url).href };

async function read(name) {
  const answer = await fetch(new URL(`./model/${name}`, import.meta.url));
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
  postMessage({ loaded: name });
  return answer.arrayBuffer();
}

const editor = loadEditor(ort, read);
editor.then(
  ({ recipe }) => postMessage({ ready: { steps: Object.keys(recipe.scheduler.steps), own: recipe.num_steps } }),
  (error) => postMessage({ error: error.message }),
);

onmessage = async ({ data: { clip, instruction, steps, seed } }) => {
  try {
    const { edit } = await editor;
    const started = performance.now();
    const edited = await edit(clip, instruction, { steps, seed, onStep: (step) => postMessage({ step, steps }) });
    postMessage({ edited, seconds: (performance.now() - started) / 1000 });
  } catch (error) {
    postMessage({ error: error.message });
  }
};
