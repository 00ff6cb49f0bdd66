// What the page shows: two clips side by side in step, and what the worker says.

const FRAMES_PER_SECOND = 8;
const one = (id) => document.getElementById(id);
const shown = { source: null, edit: null };
const { clips } = await (await fetch("clips.json")).json();
const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" }); // listened to from here on
clips.forEach(({ name }, number) => one("clip").add(new Option(name, number)));
one("clip").onchange = choose;
choose();

function choose() {
  const { instructions, frames, height, width, pixels } = clips[one("clip").value];
  const bytes = Uint8Array.from(atob(pixels), (character) => character.charCodeAt(0));
  shown.source = { frames, height, width, pixels: bytes };
  shown.edit = null;
  one("edit").getContext("2d").clearRect(0, 0, one("edit").width, one("edit").height);
  one("examples").replaceChildren(...instructions.map((words) => new Option(words)));
  one("instruction").value = instructions[0];
}

worker.onmessage = ({ data }) => {
  const { loaded, ready, step, steps, edited, seconds, error } = data;
  if (loaded) say(`loading the model: ${loaded}`);
  if (ready) {
    ready.steps.forEach((count) => one("steps").add(new Option(count, count, count == ready.own, count == ready.own)));
    one("go").disabled = false;
    say("ready");
  }
  if (step) say(`step ${step} of ${steps}`);
  if (edited) {
    shown.edit = edited;
    say(`done in ${seconds.toFixed(1)} s`);
    document.body.dataset.done = seconds;
  }
  if (error) say(error);
  if (edited || error) one("go").disabled = one("steps").length === 0; // of a model that could not be loaded
};
worker.onerror = (event) => say(`the model cannot be loaded: ${event.message ?? "this browser lacks module workers"}`);

one("form").onsubmit = (event) => {
  event.preventDefault();
  one("go").disabled = true;
  const [steps, seed] = [Number(one("steps").value), Number(one("seed").value)];
  worker.postMessage({ clip: shown.source, instruction: one("instruction").value, steps, seed });
};

function say(text) {
  one("said").textContent = text;
}

setInterval(() => {
  const frame = Math.floor((performance.now() / 1000) * FRAMES_PER_SECOND);
  for (const [name, clip] of Object.entries(shown)) if (clip) draw(one(name), clip, frame % clip.frames);
}, 1000 / FRAMES_PER_SECOND);

function draw(canvas, { height, width, pixels }, frame) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const image = new ImageData(width, height);
  const start = frame * height * width * 3;
  for (let i = 0; i < height * width; i++) {
    image.data.set(pixels.subarray(start + i * 3, start + i * 3 + 3), i * 4);
    image.data[i * 4 + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

window.veggie = { shown }; // for tests
