/**
 * Who is signed in. The tokens are in cookies that no script can read; here are the user, the proof that the page sends
 * along, and how a session goes on or is begun again while everything else on the page waits.
 */
import { ApiError, API, reach, refusal } from "./api.js";

const LOCK = "echofs-session";

/** `seen` is the token by which reads see all that this page wrote and saw (docs/api.md, Sessions). */
export const session = { user: null, csrf: null, seen: null };

let signInAgain = async () => { throw new ApiError(401, { code: "signed_out", message: "Sign in first." }); };
let regaining = null;

/** Say how somebody whose session has ended is asked to sign in again; it resolves when that is done. */
export function onExpired(action) {
  signInAgain = action;
}

/** Remember what this page has seen, by the token of an answer that has one. */
export function saw(token) {
  if (token) session.seen = token;
}

/** Find out who is signed in, going on with an expired token if that can be. @returns {Promise<object|null>} the user */
export async function open() {
  adopt((await ask("GET")).data);
  if (!session.user && session.csrf) await refresh().catch(ignoreRefusals);
  return session.user;
}

/** Get the proof for requests anew, as when another window has signed in meanwhile. */
export async function renew() {
  const before = session.user?.id;
  await open();
  if (before && session.user && session.user.id !== before) location.reload();
}

export async function signIn(username, password) {
  adopt((await ask("POST", { username, password })).data);
  return session.user;
}

export async function signOut() {
  await ask("DELETE");
  adopt({ user: null, csrf: null });
}

/** Change the password; every other session ends. */
export async function changePassword(oldPassword, newPassword) {
  adopt((await ask("POST", { old_password: oldPassword, new_password: newPassword }, "/password")).data);
}

/** Make the session count again, by a refresh or by asking the user; all who wait share one attempt. */
export function regain() {
  regaining ??= refreshOrSignIn().finally(() => { regaining = null; });
  return regaining;
}

async function refreshOrSignIn() {
  const user = session.user;
  await open().catch(ignoreRefusals);
  if (session.user) return;
  session.user = user;
  await signInAgain(user);
}

/** Only one window refreshes: a refresh token that is used twice ends the session. */
async function refresh() {
  await alone(async () => {
    adopt((await ask("GET")).data);
    if (!session.user && session.csrf) adopt((await ask("PUT")).data);
  });
}

async function alone(action) {
  // Over plain HTTP to another host browsers have no locks; two windows refreshing at once is rare enough there.
  return navigator.locks ? navigator.locks.request(LOCK, action) : action();
}

function adopt({ user, csrf }) {
  if (user?.id !== session.user?.id) session.seen = null;
  session.user = user;
  session.csrf = csrf;
}

function ignoreRefusals(error) {
  if (!(error instanceof ApiError) || error.status !== 401) throw error;
}

async function ask(method, json, path = "") {
  const headers = { Accept: "application/json" };
  if (session.csrf) headers["X-CSRF-Token"] = session.csrf;
  if (json) headers["Content-Type"] = "application/json";
  const response = await reach(`${API}/session${path}`, { method, headers, body: json && JSON.stringify(json) });
  const envelope = await response.json().catch(() => null);
  if (!response.ok || !envelope) throw refusal(response.status, envelope);
  return envelope;
}
