/** The user's own account: profile, space, password, app passwords. */
import { get, post, remove } from "./api.js";
import { confirm, dialog, field, form, prompt } from "./dialogs.js";
import { button, fill, h, icon, named } from "./dom.js";
import { facts } from "./details.js";
import { count, exactly, size } from "./format.js";
import { complain, notice } from "./notices.js";
import { changePassword, session } from "./session.js";
import { usageBar } from "./usage.js";

export async function show(main) {
  const space = h("section", { class: "card", "aria-label": "Space" });
  const keys = h("section", { class: "card", "aria-label": "App passwords" });
  fill(main, h("div", { class: "page" }, h("h1", {}, "Account"), profile(), space, password(), keys));
  await Promise.all([drawSpace(space), drawKeys(keys)].map((drawing) => drawing.catch(complain)));
}

function profile() {
  const { username, email, role, created_at: since } = session.user;
  return h("section", { class: "card" }, h("h2", {}, "Profile"), facts([
    ["User name", named(username)],
    ["E-mail", email && named(email)],
    ["Role", role === "admin" ? "Administrator" : "User"],
    ["Since", since && exactly(since)],
  ]));
}

async function drawSpace(place) {
  const { data: { usage } } = await get("/usage");
  fill(place, h("h2", {}, "Space"), usageBar(usage), facts([
    ["Files", count(usage.files, "file")],
    ["In use", size(usage.bytes)],
    ["In the trash", size(usage.trash_bytes)],
    ["Quota", usage.quota_bytes === null ? "None" : size(usage.quota_bytes)],
  ]), h("p", { class: "quiet-text" }, "Old versions do not count."));
}

function password() {
  const fields = () => [
    field({ name: "old_password", label: "Present password", type: "password", autocomplete: "current-password" }),
    field({ name: "new_password", label: "New password", type: "password", autocomplete: "new-password", hint: "At least 8 characters." }),
  ];
  const place = h("div", {});
  const draw = () => fill(place, form({
    fields: fields(),
    label: "Change password",
    submit: async (values) => {
      await changePassword(values.old_password, values.new_password);
      notice("Password changed. All other sessions have ended.");
      draw();
    },
  }));
  draw();
  return h("section", { class: "card" }, h("h2", {}, "Password"), place);
}

async function drawKeys(place) {
  const { data } = await get("/auth/app-passwords");
  const list = data.app_passwords;
  fill(place, h("h2", {}, "App passwords"),
    h("p", { class: "quiet-text" }, "For programs that mount your files or synchronise them. Each is shown once, works until you remove it, and cannot change your account."),
    list.length > 0 && h("ul", { class: "versions" }, list.map((key) => h("li", {},
      icon("key"),
      h("div", { class: "version-text" }, named(key.name), h("span", { class: "quiet-text" }, keyWords(key))),
      button({ label: "Remove", onClick: () => removeKey(key, place) })))),
    h("div", {}, button({ label: "New app password", icon: "plus", onClick: () => newKey(place) })));
}

function keyWords(key) {
  const used = key.last_used_at ? `last used ${exactly(key.last_used_at)}` : "never used";
  return `Made ${exactly(key.created_at)}, ${used}`;
}

async function newKey(place) {
  let made = null;
  await prompt("New app password", {
    label: "What is it for?", action: "Create", name: "name", hint: "For instance the name of a computer.",
    submit: async (name) => { made = (await post("/auth/app-passwords", { name })).data; },
  });
  if (!made) return;
  await dialog("Your app password", (close) => ({
    body: [
      h("p", {}, "Copy it now: it is shown only once. The user name is ", named(session.user.username), "."),
      h("p", { class: "secret" }, h("code", {}, made.password)),
    ],
    actions: [
      button({ label: "Copy", icon: "copy", onClick: () => copyText(made.password) }),
      button({ label: "Done", kind: "primary", onClick: () => close() }),
    ],
  }));
  await drawKeys(place).catch(complain);
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    notice("Copied.");
  } catch {
    notice("This browser does not let the page copy: select the text and copy it.", { kind: "bad" });
  }
}

async function removeKey(key, place) {
  if (!(await confirm("Remove this app password?", `Programs that use “${key.name}” will be refused at once.`, { label: "Remove", danger: true }))) return;
  try {
    await remove(`/auth/app-passwords/${encodeURIComponent(key.id)}`);
    await drawKeys(place);
  } catch (error) {
    complain(error);
  }
}
