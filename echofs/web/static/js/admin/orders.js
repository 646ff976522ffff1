/** Orders about the level, and the files that are critical. */
import { ApiError, post, remove } from "../api.js";
import { field } from "../dialogs.js";
import { choice, request } from "./parts.js";
import { CLASSES, LEVELS } from "./timeline.js";

const HOUR = 3600;
const TIMES = [["900", "15 minutes"], [`${HOUR}`, "1 hour"], [`${8 * HOUR}`, "8 hours"], [`${24 * HOUR}`, "1 day"], [`${7 * 24 * HOUR}`, "7 days"]];
const FILE = "file";

/** Order a level for a while. @param {() => Promise<void>} done called after it */
export async function orderLevel(done) {
  const ordered = await request("Order a level", {
    text: "It holds whatever the policy would choose, until it ends by itself.",
    fields: [
      choice({ name: "level", label: "Level", options: LEVELS.map((level) => [level, level]) }),
      choice({ name: "op_class", label: "For", options: [["", "All requests"], ...Object.entries(CLASSES), [FILE, "One file"]] }),
      field({ name: "object_id", label: "File", hint: "Its id, for one file only.", spellcheck: "false", class: "code" }),
      choice({ name: "seconds", label: "How long", options: TIMES, value: `${HOUR}` }),
      field({ name: "reason", label: "Why", hint: "Stands beside every decision it leads to." }),
    ],
    label: "Order",
    submit: async ({ level, op_class: name, object_id: fileId, seconds, reason }) => {
      if (!reason.trim()) throw new ApiError(0, { code: "validation", field: "reason", message: "Say why, for whoever wonders later." });
      const scope = name === FILE ? { object_id: fileId.trim() } : name ? { op_class: name } : {};
      if (name === FILE && !scope.object_id) throw new ApiError(0, { code: "validation", field: "object_id", message: "Write the file's id." });
      await post("/consistency/override", { level, seconds: Number(seconds), reason: reason.trim(), ...scope });
      return "Ordered.";
    },
  });
  if (ordered) await done();
}

/** End an order before its time. */
export async function endOrder(order, done) {
  const ended = await request("End this order?", {
    text: "The policy chooses again.", label: "End the order",
    submit: async () => {
      await remove(`/consistency/override/${encodeURIComponent(order.id)}`);
      return "The order has ended.";
    },
  });
  if (ended) await done();
}

/** Mark a file as critical. */
export async function addCritical(done) {
  const marked = await request("Add a critical file", {
    text: "It is never served below strong, whatever else is decided.",
    fields: [field({ name: "object_id", label: "File", hint: "Its id: 32 of 0-9 and a-f.", spellcheck: "false", class: "code", autofocus: true })],
    label: "Add",
    submit: async ({ object_id: fileId }) => {
      await post("/consistency/critical-keys", { object_id: fileId.trim() });
      return "The file is critical now.";
    },
  });
  if (marked) await done();
}
