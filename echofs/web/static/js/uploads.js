/**
 * Uploads: Uppy sends them by the tus protocol, in the background of whatever the page shows. An upload goes on after the
 * connection, the server or the session was away; after the page itself was closed it goes on when the same file is chosen
 * for the same place again.
 */
import { ApiError, API, get, post } from "./api.js";
import { changed } from "./actions.js";
import { confirm } from "./dialogs.js";
import { calm, h } from "./dom.js";
import { chosenFiles, droppedFiles } from "./dropped.js";
import { count, join } from "./format.js";
import { complain, notice } from "./notices.js";
import { countCopies, isSafe } from "./receipts.js";
import { fileRow } from "./rows.js";
import { regain, renew, saw, session } from "./session.js";
import { UploadPanel } from "./uploadpanel.js";

const AT_ONCE = 4;
const IN_ONE_REQUEST = 512 * 1024;
const PATIENCE_MS = [200, 500, 1000, 2000, 4000, ...Array(2000).fill(8000)];
const COUNTED_AFTER_MS = [1000, 2000, 4000, 8000];
const FINAL = new Set([413, 415, 507]);
const KEPT_IN = "tus::";
const OWNER = "echofs-uploads-of";

let uppy = null;
let panel = null;
let proof = null;
const tellChanged = calm(800, changed);

/** Let the user choose files for a folder. */
export async function chooseUploads(folder) {
  const input = h("input", { type: "file", multiple: true, hidden: true });
  input.addEventListener("change", () => startUploads(folder, chosenFiles(input)).catch(complain));
  input.addEventListener("change", () => input.remove());
  document.body.append(input);
  input.click();
}

/** Let the user choose a whole folder. */
export async function chooseFolderUploads(folder) {
  const input = h("input", { type: "file", hidden: true });
  input.webkitdirectory = true;
  input.addEventListener("change", () => startUploads(folder, chosenFiles(input)).catch(complain));
  input.addEventListener("change", () => input.remove());
  document.body.append(input);
  input.click();
}

/** Upload what was dropped; call it while the drop is being handled. */
export async function dropUploads(folder, transfer) {
  const { files, folders, unreadable } = await droppedFiles(transfer);
  if (unreadable) notice(`${count(unreadable, "file")} cannot be read on this computer and will be missing.`, { kind: "bad" });
  for (const path of folders) await post("/folders", { path: join(folder, path) }).catch(complain);
  if (folders.length) changed();
  await startUploads(folder, files);
}

/** Whether anything is still to be sent. */
export function isUploading() {
  return uppy !== null && uppy.getFiles().some((file) => !file.progress.uploadComplete && !file.error);
}

/** Give up all uploads, as before signing out, if the user agrees. @returns {Promise<boolean>} whether they did */
export async function endUploads() {
  if (isUploading()) {
    const sure = await confirm("Uploads are under way", "Signing out ends them. What has been stored already stays.", { label: "Sign out", danger: true });
    if (!sure) return false;
  }
  uppy?.cancelAll();
  panel?.clear();
  forgetKept();
  return true;
}

/** Begin to upload files into a folder. */
export async function startUploads(folder, found) {
  if (!found.length) return;
  const engine = await ready();
  let twice = 0;
  for (const { file, path } of found) {
    const target = join(folder, path);
    try {
      // The whole path, so that the same file may be on its way to two places; it is part of Uppy's own id.
      const id = engine.addFile({
        source: "page", name: file.name, type: file.type, data: file, meta: { relativePath: target, path: target },
      });
      engine.setFileState(id, { tus: { uploadDataDuringCreation: file.size <= IN_ONE_REQUEST } });
      panel.add(id, target, file.size);
    } catch (error) {
      if (!error.isRestriction && !/duplicate/i.test(error.message)) throw error;
      twice += 1;
    }
  }
  if (twice) notice(`${count(twice, "file")} of these ${twice === 1 ? "is" : "are"} on the way to that place already.`);
  engine.upload().catch(() => {});
}

/**
 * A file as tus reads it. What is sent whole is handed over as it is: the browser's network process then reads it from the
 * disk by itself, while a part of a file, even if it is all of it, goes through another process first.
 */
class WholeFile {
  constructor(file) {
    this.file = file;
    this.size = file.size;
  }

  async slice(start, end) {
    const whole = start === 0 && end >= this.size;
    return { value: whole ? this.file : this.file.slice(start, end), done: end >= this.size };
  }

  close() {}
}

async function ready() {
  if (uppy) return uppy;
  const { Uppy, Tus } = await import(document.getElementById("app").dataset.uppy);
  if (uppy) return uppy;
  if (localStorage.getItem(OWNER) !== session.user.id) forgetKept();
  localStorage.setItem(OWNER, session.user.id);
  uppy = new Uppy({ allowMultipleUploadBatches: true, logger: { debug() {}, warn() {}, error() {} } });
  panel = new UploadPanel({
    pause: (id) => uppy.pauseResume(id),
    pauseAll: () => uppy.pauseAll(),
    resumeAll: () => uppy.resumeAll(),
    cancel: (id) => uppy.removeFile(id),
    cancelAll: () => uppy.cancelAll(),
    retry: (id) => uppy.retryUpload(id).catch(() => {}),
  });
  uppy.use(Tus, {
    endpoint: `${API}/uploads`,
    limit: AT_ONCE,
    retryDelays: PATIENCE_MS,
    removeFingerprintOnSuccess: true,
    fileReader: { openFile: async (file) => new WholeFile(file) },
    allowedMetaFields: ["path", "name", "type"],
    onBeforeRequest: prove,
    onShouldRetry: worthAnotherTry,
  });
  listen(uppy);
  return uppy;
}

function listen(engine) {
  engine.on("upload-progress", (file, { bytesUploaded }) => panel.progress(file.id, bytesUploaded));
  engine.on("upload-pause", (file, paused) => panel.paused(file.id, paused));
  engine.on("pause-all", () => panel.pausedAll(true));
  engine.on("resume-all", () => panel.pausedAll(false));
  engine.on("file-removed", (file) => panel.removed(file.id));
  engine.on("cancel-all", () => panel.removedAll());
  engine.on("upload-retry", (file) => panel.progress(file.id, 0));
  engine.on("upload-error", (file, error, response) => panel.failed(file.id, reason(error, response)));
  engine.on("upload-success", (file, response) => finished(engine, file, response));
  addEventListener("beforeunload", (event) => {
    if (isUploading()) event.preventDefault();
  });
}

async function finished(engine, file, response) {
  saw(response.body?.xhr?.getResponseHeader("X-EchoFS-Session"));
  panel.done(file.id);
  // Forgotten by Uppy, so that the same file may be uploaded again; later, because until it has told everybody of its
  // success a removal would have it end the upload at the server.
  setTimeout(() => engine.removeFile(file.id));
  tellChanged();
  try {
    const ticket = new URL(response.uploadURL, location.href).pathname.slice(API.length);
    const { consistency, data } = await get(ticket, {}, { patient: false });
    panel.receipt(file.id, consistency);
    await untilSafe(file.id, fileRow(data.file));
  } catch {
    // The upload is stored all the same; the list counts its copies.
  }
}

/** Count the copies of what has just been stored until all are there, or for a while. */
async function untilSafe(id, row) {
  for (const pause of COUNTED_AFTER_MS) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    const counted = await countCopies(row, { patient: false });
    panel.counted(id, counted);
    if (isSafe(counted)) return;
  }
}

/** Before each request: the proof as it is now, and a session if the server wants one. */
async function prove(request) {
  if (proof) await proof;
  proof = null;
  if (session.csrf) request.setHeader("X-CSRF-Token", session.csrf);
}

/** Whether to go on after a failure; what only the user can change is told at once. */
function worthAnotherTry(error, attempt, options, usual) {
  const response = error.originalResponse;
  const status = response?.getStatus() ?? 0;
  if (FINAL.has(status)) return false;
  if (status === 401) {
    proof = regain();
    // Whoever waits for it hears of a failure; nobody may wait.
    proof.catch(() => {});
    return true;
  }
  if (status === 403 && response.getBody().includes("csrf_failed")) {
    proof = renew();
    proof.catch(() => {});
    return attempt < 3;
  }
  panel.waiting(status >= 500 || status === 0);
  return usual(error);
}

function reason(error, response) {
  try {
    return JSON.parse(response.body.xhr.responseText).error.message;
  } catch {
    return error instanceof ApiError ? error.message : "The upload was interrupted. Try it again: it goes on where it was.";
  }
}

function forgetKept() {
  for (const key of Object.keys(localStorage)) if (key.startsWith(KEPT_IN)) localStorage.removeItem(key);
}
