/**
 * Looking at a file without anything in it being run: pictures, sound and video through elements that cannot run scripts,
 * everything that is text as text, whatever it claims to be, and PDF files in the browser's own viewer.
 */
import { download } from "./actions.js";
import { ApiError, contentUrl, reach, refusal } from "./api.js";
import { dialog } from "./dialogs.js";
import { button, fill, h, icon, named } from "./dom.js";
import { size } from "./format.js";
import { announce } from "./notices.js";
import { kindIcon } from "./rows.js";

const TEXT_BYTES = 512 * 1024;
const PDF_BYTES = 64 * 1024 * 1024;
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"]);
const TEXTS = /^text\/|[/+](json|xml|javascript|ecmascript|yaml|x-yaml|toml|x-sh|x-python|sql|x-httpd-php|svg\+xml|xhtml\+xml|x-tex)$/;

/**
 * Show a file over the page.
 *
 * @param {object} first the row to begin with
 * @param {object[]} rows files to leaf through with the arrow keys
 * @param {{version?: number}} [options] an older version instead of the present one
 */
export async function preview(first, rows, { version } = {}) {
  let at = Math.max(0, rows.findIndex((row) => row.key === first.key));
  let end = () => {};
  const stage = h("div", { class: "stage", tabindex: "-1" });
  const show = async (row) => {
    end();
    const abort = new AbortController();
    const made = [];
    end = () => {
      abort.abort();
      made.forEach((url) => URL.revokeObjectURL(url));
      stage.replaceChildren();
    };
    const heading = stage.closest("dialog")?.querySelector("h2");
    if (heading) fill(heading, named(row.name));
    announce(row.name);
    fill(stage, h("p", { class: "quiet-text" }, "Opening…"));
    try {
      const node = await content(row, { version, signal: abort.signal, made });
      if (!abort.signal.aborted) fill(stage, node);
    } catch (error) {
      if (error.name === "AbortError") return;
      fill(stage, card(row, error instanceof ApiError ? error.message : "This file cannot be shown."));
    }
  };
  const step = (by) => {
    at = (at + by + rows.length) % rows.length;
    show(rows[at]);
  };
  const closed = dialog(first.name, () => ({
    body: [stage],
    actions: [
      rows.length > 1 && button({ label: "Previous", icon: "back", quiet: true, onClick: () => step(-1) }),
      rows.length > 1 && button({ label: "Next", icon: "next", quiet: true, onClick: () => step(1) }),
      button({ label: "Download", icon: "download", kind: "primary", onClick: () => download([rows[at] ?? first]) }),
    ],
  }), { kind: "preview" });
  stage.closest("dialog").addEventListener("keydown", (event) => {
    if (event.target.closest("audio, video") || rows.length < 2) return;
    if (event.key === "ArrowRight") step(1);
    if (event.key === "ArrowLeft") step(-1);
  });
  await Promise.all([show(first), closed.then(() => end())]);
}

async function content(row, { version, signal, made }) {
  const type = row.content_type;
  const url = contentUrl(row.id, { inline: true, version });
  if (PICTURES.has(type)) return picture(row, url);
  if (/^(audio|video)\//.test(type)) return player(row, type.slice(0, 5), url);
  if (type === "application/pdf" && row.size <= PDF_BYTES && navigator.pdfViewerEnabled) return pdf(url, signal, made);
  if (TEXTS.test(type) || (row.size <= TEXT_BYTES && type === "application/octet-stream")) return text(row, url, signal);
  return card(row, "There is no preview for this kind of file.");
}

function picture(row, url) {
  return new Promise((resolve) => {
    const image = h("img", { src: url, alt: row.name, decoding: "async" });
    image.addEventListener("load", () => resolve(image));
    image.addEventListener("error", () => resolve(card(row, "This picture cannot be shown. It may be damaged.")));
  });
}

function player(row, tag, url) {
  const element = h(tag, { src: url, controls: true, preload: "metadata", "aria-label": row.name });
  element.addEventListener("error", () => element.replaceWith(card(row, "This browser cannot play it.")));
  return element;
}

/** The bytes under a type that we say, at an address that only this page knows: a viewer opens them, and nothing else can. */
async function pdf(url, signal, made) {
  const bytes = await (await fetched(url, { signal })).arrayBuffer();
  const address = URL.createObjectURL(new Blob([bytes], { type: "application/pdf" }));
  made.push(address);
  return h("iframe", { src: address, title: "Document" });
}

async function text(row, url, signal) {
  if (row.size === 0) return card(row, "The file is empty.");
  const response = await fetched(url, { signal, headers: { Range: `bytes=0-${TEXT_BYTES - 1}` } });
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.subarray(0, 8192).includes(0)) return card(row, "There is no preview for this kind of file.");
  const cut = row.size > bytes.length && h("p", { class: "quiet-text" }, `The first ${size(bytes.length)} of ${size(row.size)}.`);
  return h("div", { class: "text" }, cut, h("pre", { tabindex: "0" }, new TextDecoder().decode(bytes)));
}

async function fetched(url, options) {
  const response = await reach(url, options);
  if (!response.ok) throw refusal(response.status, await response.json().catch(() => null));
  return response;
}

function card(row, words) {
  return h("div", { class: "empty" }, icon(kindIcon(row)), h("p", {}, words), h("p", { class: "quiet-text" }, `${row.content_type} · ${size(row.size)}`));
}
