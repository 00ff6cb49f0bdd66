// Clips at the model's size and back at their own: numbers (f, 3, h, w) in [-1, 1] in one list.

const PIXELS = 3;
const REACH = 2; // pixels of the model that a window reaches to each side
const SMOOTH = 0.01; // variance of a window from which on detail is taken to follow the edit

/** Means over blocks of pixels, as cv2's INTER_AREA at whole factors. */
export function reduce(numbers, clip, height, width) {
  const [down, across] = [clip.height / height, clip.width / width];
  if (!Number.isInteger(down) || !Number.isInteger(across)) {
    throw new Error(`a clip's sides must be multiples of ${width} x ${height}, got ${clip.width} x ${clip.height}`);
  }
  const found = new Float32Array(clip.frames * PIXELS * height * width);
  for (let i = 0; i < found.length; i++) {
    const [plane, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    let sum = 0;
    for (let dy = 0; dy < down; dy++) {
      const start = (plane * clip.height + y * down + dy) * clip.width + x * across;
      for (let dx = 0; dx < across; dx++) sum += numbers[start + dx];
    }
    found[i] = sum / (down * across);
  }
  return found;
}

/**
 * Brings an edit back to the source's size: what is enlarged is the change, and what of the source is finer than the
 * model's pixels follows it (veggie_pl/inference/enlarge.py says how).
 * @param edited, small (f, 3, height, width): the edit, and the source as the model saw it.
 * @param source (f, 3, clip.height, clip.width).
 */
export function atSourceSize(edited, small, source, clip, height, width) {
  const change = edited.map((value, i) => value - small[i]);
  const large = enlarge(change, clip, height, width);
  const whole = source.map((value, i) => value + large[i]);
  if (clip.height !== height || clip.width !== width) {
    const seen = enlarge(small, clip, height, width);
    const area = clip.height * clip.width;
    // One colour of the change at a time: how it goes with each of the source's three.
    for (const [colour, slopes] of followed(change, small, clip.frames, height * width, width).entries()) {
      const follows = enlarge(slopes, clip, height, width);
      for (let i = 0; i < follows.length; i++) {
        const frame = Math.floor(i / (PIXELS * area));
        whole[(frame * PIXELS + colour) * area + (i % area)] += follows[i] * (source[i] - seen[i]);
      }
    }
  }
  return whole.map((value) => Math.min(1, Math.max(-1, value)));
}

/** Regresses each colour of the change on the source's, around each pixel: three lists (f, 3, height, width). */
function followed(change, small, frames, area, width) {
  const found = Array.from({ length: PIXELS }, () => new Float32Array(small.length));
  for (let frame = 0; frame < frames; frame++) {
    const plane = (numbers, c) => numbers.subarray((frame * PIXELS + c) * area, (frame * PIXELS + c + 1) * area);
    const sources = [0, 1, 2].map((c) => plane(small, c));
    const changes = [0, 1, 2].map((c) => plane(change, c));
    const own = sources.map((one) => sources.map((other) => covariance(one, other, width)));
    const both = changes.map((one) => sources.map((other) => covariance(one, other, width)));
    for (let i = 0; i < area; i++) {
      if (changes.every((one) => one[i] === 0)) continue;
      const rows = own.map((row, y) => row.map((one, x) => one[i] + (x === y ? SMOOTH : 0)));
      for (const [colour, one] of both.entries()) {
        solve(rows, one.map((value) => value[i])).forEach((value, c) => {
          found[colour][(frame * PIXELS + c) * area + i] = value;
        });
      }
    }
  }
  return found;
}

/** Of two planes over windows; beyond the border lies the border. */
function covariance(one, other, width) {
  const [first, second] = [mean(one, width), mean(other, width)];
  return mean(one.map((value, i) => value * other[i]), width).map((value, i) => value - first[i] * second[i]);
}

function mean(plane, width) {
  const height = plane.length / width;
  const inside = (place, side) => Math.min(Math.max(place, 0), side - 1);
  const over = (numbers, at) =>
    numbers.map((_, i) => {
      let sum = 0;
      for (let step = -REACH; step <= REACH; step++) sum += numbers[at(Math.floor(i / width), i % width, step)];
      return sum / (2 * REACH + 1);
    });
  const rows = over(Float64Array.from(plane), (y, x, step) => y * width + inside(x + step, width));
  return over(rows, (y, x, step) => inside(y + step, height) * width + x);
}

/** Three equations of a symmetric positive matrix, by Cramer's rule. */
function solve([a, b, c], right) {
  const determinant = (p, q, r) =>
    p[0] * (q[1] * r[2] - q[2] * r[1]) - p[1] * (q[0] * r[2] - q[2] * r[0]) + p[2] * (q[0] * r[1] - q[1] * r[0]);
  const all = determinant(a, b, c); // its rows are its columns
  return [determinant(right, b, c) / all, determinant(a, right, c) / all, determinant(a, b, right) / all];
}

/** Bilinear between the centres of pixels, as cv2's INTER_LINEAR. */
function enlarge(numbers, clip, height, width) {
  const along = (side, small) =>
    Array.from({ length: side }, (_, i) => {
      const place = Math.min(Math.max(((i + 0.5) * small) / side - 0.5, 0), small - 1);
      const first = Math.min(Math.floor(place), small - 1);
      return [first, Math.min(first + 1, small - 1), place - first];
    });
  const [rows, columns] = [along(clip.height, height), along(clip.width, width)];
  const found = new Float32Array(clip.frames * PIXELS * clip.height * clip.width);
  let i = 0;
  for (let plane = 0; plane < clip.frames * PIXELS; plane++) {
    const at = (y, x) => numbers[(plane * height + y) * width + x];
    for (const [top, bottom, dy] of rows) {
      for (const [left, right, dx] of columns) {
        const [above, below] = [top, bottom].map((y) => at(y, left) * (1 - dx) + at(y, right) * dx);
        found[i++] = above * (1 - dy) + below * dy;
      }
    }
  }
  return found;
}
