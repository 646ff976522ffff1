/** How numbers, sizes and times are written, in the language of the browser. */

const WHOLE = new Intl.NumberFormat();
const SHORT = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const DAY = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Characters of which one sees nothing but what they do to others; as a group, for splitting. */
export const INVISIBLE = /([\p{Cc}\p{Cf}\p{Zl}\p{Zp}])/u;
// They belong to the spelling of some languages and to emoji, and reorder nothing.
const JOINERS = new Set(["\u200c", "\u200d"]);

/**
 * A text with names that somebody else chose, its invisible characters replaced by their numbers: so marks of direction
 * turn around nothing, and nobody takes "gpj.exe" for "exe.jpg".
 */
export function plain(text) {
  return text.split(INVISIBLE).map((part, index) => {
    if (index % 2 === 0 || JOINERS.has(part) || part.length > 1) return part;
    return `U+${part.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  }).join("");
}

/** 1536 → "1.5 KiB". */
export function size(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  if (unit === 0) return count(bytes, "byte");
  return `${value < 100 ? SHORT.format(value) : WHOLE.format(Math.round(value))} ${UNITS[unit]}`;
}

/** 3, "file" → "3 files"; a plural that is not made with s is given. */
export function count(number, one, many = `${one}s`) {
  return `${WHOLE.format(number)} ${number === 1 ? one : many}`;
}

/** The time of day for today, else the date. */
export function when(moment) {
  const date = new Date(moment);
  return date.toDateString() === new Date().toDateString() ? CLOCK.format(date) : DAY.format(date);
}

/** Date and time to the second. */
export function exactly(moment) {
  return FULL.format(new Date(moment));
}

/** How many whole days from now, at least 0. */
export function daysUntil(moment) {
  return Math.max(0, Math.ceil((new Date(moment) - Date.now()) / 86_400_000));
}

/** What a path ends in. */
export function baseName(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The folder that a path lies in; "" is the root. */
export function folderOf(path) {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** A name in a folder. */
export function join(folder, name) {
  return folder ? `${folder}/${name}` : name;
}

/** The page's address of a folder. */
export function folderUrl(folder) {
  return `/files/${folder.split("/").map(encodeURIComponent).join("/")}`;
}
