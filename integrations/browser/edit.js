// Edits a clip with the graphs of `python -m veggie_pl export --onnx`, as `python -m veggie_pl edit` does.
// Clips are { frames, height, width, pixels: Uint8Array of (f, h, w, 3) }. No page and no server is needed here.

import { atSourceSize, reduce } from "./sizes.js";
import { tokenizerOf } from "./tokenizer.js";

const GRAPHS = ["mllm", "unet", "encode", "decode"];
const PIXELS = 3;

/**
 * Loads a model.
 * @param ort onnxruntime-web.
 * @param {(name: string) => Promise<ArrayBuffer>} read gives a file of the export by its name.
 * @returns the edit function, see `edit` below, and the recipe.
 */
export async function loadEditor(ort, read) {
  const text = async (name) => new TextDecoder().decode(await read(name));
  const recipe = JSON.parse(await text("edit.json"));
  if (recipe.format !== 1 || recipe.needs_guidance || !recipe.one_group_a_frame) {
    throw new Error("this page edits with models without guidance that have queries for each frame");
  }
  const tokenize = tokenizerOf(await text("tokenizer.json"));
  const noise = new Float32Array(await read("noise.bin"));
  const sessions = {};
  for (const name of GRAPHS) {
    sessions[name] = await ort.InferenceSession.create(new Uint8Array(await read(`${name}.onnx`)));
  }

  const run = async (name, inputs) => {
    const session = sessions[name];
    const taken = Object.fromEntries(Object.entries(inputs).filter(([one]) => session.inputNames.includes(one)));
    return (await session.run(taken))[session.outputNames[0]];
  };
  const whole = (numbers, dims) => new ort.Tensor("int64", BigInt64Array.from(numbers, BigInt), dims ?? [1, numbers.length]);

  /**
   * Edits a clip.
   * @param clip of at most recipe.max_frames frames, whose sides are multiples of the model's.
   * @param {string} instruction
   * @param {{steps?: number, seed?: number, onStep?: (done: number) => void}} how seed 0 is `edit --seed 0`; others
   *   are this page's own, since torch's generator is not written here.
   */
  async function edit(clip, instruction, { steps = recipe.num_steps, seed = 0, onStep = () => {} } = {}) {
    const path = recipe.scheduler.steps[steps];
    if (!path) throw new Error(`steps must be one of ${Object.keys(recipe.scheduler.steps).join(", ")}, got ${steps}`);
    const [height, width] = recipe.size;
    const full = toFloats(clip);
    const small = reduce(full, clip, height, width);
    const source = new ort.Tensor("float32", small, [1, clip.frames, PIXELS, height, width]);
    const { ids, positions } = layout(recipe, textIds(recipe.prompt, tokenize, instruction), clip.frames);
    const tokens = await run("mllm", { source, ids: whole(ids), positions: whole(positions) });
    const latents = await run("encode", { clip: source });
    const size = latents.dims.reduce((one, other) => one * other);
    let noisy = seed === 0 ? noise.slice(0, size) : normal(size, seed);
    for (const [done, [timestep, before, after]] of path.entries()) {
      const shown = new ort.Tensor("float32", noisy, latents.dims);
      const inputs = { noisy: shown, source: latents, timestep: whole([timestep], [1]), tokens };
      noisy = ddimStep(recipe.scheduler, (await run("unet", inputs)).data, noisy, before, after);
      onStep(done + 1);
    }
    const edited = await run("decode", { latents: new ort.Tensor("float32", noisy, latents.dims) });
    return { ...clip, pixels: toBytes(atSourceSize(edited.data, small, full, clip, height, width), clip) };
  }
  return { edit, recipe };
}

/** Ids of the instruction and what stands around it. @throws {Error} as `edit` refuses it. */
export function textIds(prompt, tokenize, instruction) {
  if (instruction.trim() === "") throw new Error("the instruction is empty; say what to do");
  const forged = prompt.special_tokens.find((token) => instruction.includes(token));
  if (forged) throw new Error(`the instruction holds "${forged}", which has a meaning of its own in the prompt`);
  const own = tokenize(instruction);
  if (own.length > prompt.max_text_tokens) {
    throw new Error(`the instruction has ${own.length} tokens; at most ${prompt.max_text_tokens}`);
  }
  const told = tokenize(prompt.lead_text + instruction + prompt.tail_text);
  const apart = prompt.lead.every((id, i) => told[i] === id);
  return [...prompt.after, ...(apart ? told.slice(prompt.lead.length) : [...own, ...prompt.tail])];
}

/** Ids up to the queries, and positions of all: text and queries stand where they do in the longest clip. */
export function layout(recipe, text, frames) {
  const { before, frame, behind_frames: behind, num_slots: slots } = recipe.prompt;
  const ids = [...before, ...Array(frames).fill(frame).flat(), ...behind, ...text];
  const end = before.length + frames * frame.length;
  const shift = slots === null ? 0 : (slots - frames) * frame.length;
  const count = ids.length + frames * recipe.num_queries;
  return { ids, positions: Array.from({ length: count }, (_, i) => (i < end ? i : i + shift)) };
}

/** DDIM (arXiv:2010.02502) Eq. 12 without new noise; before and after are the shares of the picture's variance. */
export function ddimStep({ prediction_type: kind, clip }, predicted, noisy, before, after) {
  const [much, rest] = [Math.sqrt(before), Math.sqrt(1 - before)];
  const [kept, left] = [Math.sqrt(after), Math.sqrt(1 - after)];
  return noisy.map((value, i) => {
    const told = predicted[i];
    let picture = told;
    let noise = (value - much * told) / rest;
    if (kind === "epsilon") [picture, noise] = [(value - rest * told) / much, told];
    if (kind === "v_prediction") [picture, noise] = [much * value - rest * told, much * told + rest * value];
    if (clip !== null) picture = Math.min(clip, Math.max(-clip, picture));
    return kept * picture + left * noise;
  });
}

/** Bytes (f, h, w, 3) -> numbers in [-1, 1] (f, 3, h, w). */
function toFloats({ frames, height, width, pixels }) {
  const found = new Float32Array(pixels.length);
  const area = height * width;
  for (let i = 0; i < frames * area; i++) {
    const frame = Math.floor(i / area);
    for (let c = 0; c < PIXELS; c++) found[(frame * PIXELS + c) * area + (i % area)] = pixels[i * PIXELS + c] / 127.5 - 1;
  }
  return found;
}

/** The way back, rounded. */
function toBytes(numbers, { frames, height, width }) {
  const found = new Uint8Array(numbers.length);
  const area = height * width;
  for (let i = 0; i < frames * area; i++) {
    const frame = Math.floor(i / area);
    for (let c = 0; c < PIXELS; c++) {
      found[i * PIXELS + c] = Math.round((numbers[(frame * PIXELS + c) * area + (i % area)] + 1) * 127.5);
    }
  }
  return found;
}

/** Standard normal numbers by Box and Muller from mulberry32, a function of the seed. */
function normal(count, seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return Float32Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
}
