/**
 * How many copies of each file there are, as counted at the workers. Counting is asked for what is in sight only, a few
 * files at a time, and not again while nothing about the file has changed.
 */
import { get } from "./api.js";

const AT_ONCE = 2;
const FRESH_MS = 30_000;

const known = new Map();
const waiting = new Map();
let busy = 0;

const mark = (file) => `${file.id} ${file.version}`;

/** What was counted of a file, if it is known. */
export function receiptOf(file) {
  return known.get(mark(file))?.receipt;
}

/** Count a file's copies now. @returns {Promise<object>} the receipt (docs/api.md) */
export async function countCopies(file, options) {
  const { data } = await get(`/files/${encodeURIComponent(file.id)}/receipt`, {}, options);
  known.set(mark(file), { receipt: data.receipt, at: Date.now() });
  return data.receipt;
}

/** Count the copies of these files when there is time, and say each time when one is known; earlier wishes are dropped. */
export function countInSight(files, told) {
  waiting.clear();
  for (const file of files) if (isStale(file)) waiting.set(mark(file), { file, told });
  work();
}

/** Whether all is well that a receipt says: every chunk has all its copies. */
export function isSafe(receipt) {
  return receipt.complete && receipt.unreachable.length === 0;
}

/** A few words about a receipt. */
export function copiesText(receipt) {
  return `${receipt.replicas} of ${receipt.replicas_wanted}`;
}

function isStale(file) {
  const entry = known.get(mark(file));
  return !entry || (!isSafe(entry.receipt) && Date.now() - entry.at > FRESH_MS);
}

async function work() {
  while (busy < AT_ONCE && waiting.size) {
    const [key, { file, told }] = waiting.entries().next().value;
    waiting.delete(key);
    busy += 1;
    // Nobody asked for these words: a count that fails is simply not shown.
    countCopies(file, { patient: false }).then(() => told(file), () => {}).finally(() => {
      busy -= 1;
      work();
    });
  }
}
