// Runs before the first paint, so that nobody sees the page flash in the other colours.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("echofs-theme");
  } catch {
    // Storage may be forbidden; the system's colours are shown then.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
