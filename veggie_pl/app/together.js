// Videos side by side play as one: what is done to one of them is done to the others, and who lags is set right.
const FRAME = 0.06; // seconds apart that nobody sees

const others = (video) => [...video.closest(".together").querySelectorAll("video")].filter((one) => one !== video);
const leads = (video) => video.closest?.(".together")?.querySelector("video") === video;

for (const name of ["play", "pause", "seeking"]) {
  document.addEventListener(name, ({ target }) => {
    if (!target.closest?.(".together")) return;
    for (const other of others(target)) {
      if (Math.abs(other.currentTime - target.currentTime) > FRAME) other.currentTime = target.currentTime;
      if (name === "play" && other.paused) other.play().catch(() => {});
      if (name === "pause" && !other.paused && !target.ended) other.pause();
    }
  }, true); // events of media do not bubble
}
document.addEventListener("timeupdate", ({ target }) => {
  if (!leads(target) || target.seeking) return;
  for (const other of others(target)) {
    if (!other.seeking && Math.abs(other.currentTime - target.currentTime) > FRAME) other.currentTime = target.currentTime;
  }
}, true);
