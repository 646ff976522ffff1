/** Signing in and up. */
import { post } from "./api.js";
import { dialog, field, form } from "./dialogs.js";
import { fill, h, named } from "./dom.js";
import { notice } from "./notices.js";
import { go } from "./router.js";
import { session, signIn } from "./session.js";
import { mascot, themeSwitch } from "./shell.js";

/** Show the form for signing in, or for a new account, as the whole page. */
export function showSignIn(app, url, done) {
  const fresh = url.pathname === "/register";
  document.title = `${fresh ? "Create an account" : "Sign in"} · EchoFS`;
  const other = fresh
    ? h("p", { class: "switch" }, "You have an account already? ", h("a", { href: "/login" + url.search }, "Sign in"))
    : h("p", { class: "switch" }, "New here? ", h("a", { href: "/register" + url.search }, "Create an account"));
  const next = () => done(wanted(url));
  fill(app, h("main", { id: "main", class: "welcome", tabindex: "-1" },
    h("div", { class: "welcome-corner" }, themeSwitch()),
    h("section", { class: "card" },
      h("p", { class: "brand" }, mascot(), h("span", {}, "EchoFS")),
      h("h1", {}, fresh ? "Create an account" : "Sign in"),
      h("p", { class: "lead" }, "Your files, kept in several copies. For each one you can see where they are."),
      fresh ? registerForm(next) : signInForm(next), other)));
  app.querySelector("input").focus();
}

/** Ask somebody whose session has ended to sign in again, above whatever the page shows. */
export async function askAgain(user) {
  const now = await dialog("Sign in to go on", (close) => ({
    body: [
      h("p", {}, "Your session has ended. Sign in as ", named(user.username), " again: nothing on this page is lost, and uploads go on."),
      signInForm((signedIn) => close(signedIn), { username: user.username }),
    ],
  }), { kind: "narrow" });
  if (now?.id === user.id) return;
  if (now) location.assign("/files/");
  session.user = null;
  go("/login");
  throw new DOMException("Nobody signed in.", "AbortError");
}

function signInForm(done, { username = "" } = {}) {
  return form({
    fields: [
      field({ name: "username", label: "User name or e-mail address", value: username, autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true }),
      field({ name: "password", label: "Password", type: "password", autocomplete: "current-password", required: true, autofocus: Boolean(username) }),
    ],
    label: "Sign in",
    submit: async ({ username: name, password }) => done(await signIn(name, password)),
  });
}

function registerForm(done) {
  return form({
    fields: [
      field({ name: "username", label: "User name", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true }),
      field({ name: "email", label: "E-mail address", type: "email", autocomplete: "email", required: true }),
      field({ name: "password", label: "Password", type: "password", autocomplete: "new-password", hint: "At least 8 characters.", required: true }),
    ],
    label: "Create account",
    submit: async (values) => {
      await post("/auth/register", values);
      const user = await signIn(values.username, values.password);
      notice(`Welcome, ${values.username}.`);
      done(user);
    },
  });
}

/** Where the user wanted to go; only addresses of this page count. */
function wanted(url) {
  const next = url.searchParams.get("next") ?? "/files/";
  const target = URL.parse ? URL.parse(next, location.origin) : new URL(next, location.origin);
  return target?.origin === location.origin && next.startsWith("/") ? target.pathname + target.search : "/files/";
}
