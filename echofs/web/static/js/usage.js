/** How much space a user has in use. */
import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { size } from "./format.js";

const NEARLY_FULL = 0.9;

/** A bar of what is used of a quota; words alone without one. @param {object} usage as of GET /usage */
export function usageBar(usage) {
  const used = usage.bytes + usage.trash_bytes;
  if (!usage.quota_bytes) return h("p", {}, `${size(used)} in use`);
  const share = used / usage.quota_bytes;
  const words = `${size(used)} of ${size(usage.quota_bytes)} in use`;
  return h("div", { class: `usage ${share > NEARLY_FULL ? "tight" : ""}` }, h("p", {}, words),
    h("progress", { max: 1, value: Math.min(1, share), "aria-label": words }));
}

/** Show the usage in the side bar; what cannot be told is left out. */
export async function drawUsage() {
  const place = document.getElementById("side-foot");
  const answer = place && await get("/usage", {}, { patient: false }).catch(() => null);
  if (answer) fill(place, usageBar(answer.data.usage));
}
