/**
 * Requests to the API. The browser adds the session's cookies; this adds the proof that the page asks, and sees to what
 * may come between: a token that has expired, a session that has ended, a server that is away.
 */
import { banner } from "./notices.js";
import { regain, renew, saw, session } from "./session.js";

export const API = "/api/v1";
const AWAY = "EchoFS does not answer right now. Trying again; nothing you see is lost.";
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
const AWAY_STATUSES = new Set([502, 503, 504]);

/** A refusal of the API, or no answer at all (status 0, code "away"). `message` is for people. */
export class ApiError extends Error {
  constructor(status, { code, message, field = null }) {
    super(message);
    this.name = "ApiError";
    Object.assign(this, { status, code, field });
  }
}

/**
 * Ask the API and return `{data, consistency, message, headers, status}`.
 *
 * A GET waits for a server that is away, with a banner, until `signal` aborts it; anything else fails then, since its
 * answer may have been lost after the deed.
 *
 * @param {string} method
 * @param {string} path below /api/v1
 * @param {{query?: Record<string, unknown>, json?: unknown, signal?: AbortSignal, patient?: boolean}} [options]
 * @throws {ApiError}
 */
export async function call(method, path, options = {}) {
  const patient = options.patient ?? method === "GET";
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      const answer = await attempt(method, path, options);
      if (patient) banner(null);
      return answer;
    } catch (error) {
      if (!patient || !isAway(error)) throw error;
      banner(error.status ? error.message : AWAY);
      await sleep(pause, options.signal);
    }
  }
}

export const get = (path, query, options = {}) => call("GET", path, { query, ...options });
export const post = (path, json) => call("POST", path, { json });
export const patch = (path, json) => call("PATCH", path, { json });
export const put = (path, json) => call("PUT", path, { json });
export const remove = (path, query) => call("DELETE", path, { query });

/** Whether an error says that the server, or something it needs, is away for now. */
export function isAway(error) {
  return error instanceof ApiError && (error.status === 0 || AWAY_STATUSES.has(error.status));
}

/** Where the bytes of a file are; with `inline` for showing what is safe to show, else for saving. */
export function contentUrl(fileId, { inline = false, version } = {}) {
  const query = new URLSearchParams();
  if (inline) query.set("inline", "");
  if (version) query.set("version", version);
  return `${API}/files/${encodeURIComponent(fileId)}/download${query.size ? `?${query}` : ""}`;
}

async function attempt(method, path, options) {
  try {
    return await once(method, path, options);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.code === "csrf_failed") await renew();
    else if (error.status === 401 && session.user) await regain();
    else if (error.field === "X-EchoFS-Session") session.seen = null;
    else throw error;
    return once(method, path, options);
  }
}

async function once(method, path, { query, json, signal }) {
  const headers = { Accept: "application/json" };
  if (session.csrf) headers["X-CSRF-Token"] = session.csrf;
  if (session.seen) headers["X-EchoFS-Session"] = session.seen;
  if (json !== undefined) headers["Content-Type"] = "application/json";
  const body = json === undefined ? undefined : JSON.stringify(json);
  const response = await reach(API + path + queryString(query), { method, headers, body, signal });
  const envelope = await response.json().catch(() => null);
  if (!response.ok || !envelope) throw refusal(response.status, envelope);
  saw(response.headers.get("X-EchoFS-Session"));
  return { ...envelope, headers: response.headers, status: response.status };
}

/** `fetch`, whose failure to get any answer becomes an {@link ApiError}. */
export async function reach(url, options) {
  try {
    return await fetch(url, { credentials: "same-origin", cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { code: "away", message: "EchoFS did not answer. Look whether it was done, and try again." });
  }
}

/** The error that an answer stands for. */
export function refusal(status, envelope) {
  const fallback = { code: "unreadable", message: `EchoFS answered in a way this page does not understand (${status}).` };
  return new ApiError(status, envelope?.error ?? fallback);
}

function queryString(query) {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
