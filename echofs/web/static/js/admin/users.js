/** Everybody who has an account. */
import { get, patch, post } from "../api.js";
import { facts } from "../details.js";
import { dialog, field } from "../dialogs.js";
import { button, calm, fill, h, named } from "../dom.js";
import { count, exactly, size } from "../format.js";
import { announce, complain } from "../notices.js";
import { go } from "../router.js";
import { moment } from "../rows.js";
import { session } from "../session.js";
import { usageBar } from "../usage.js";
import { actionsButton, chip, choice, commands, parseSize, passwordField, request, table, writtenSize } from "./parts.js";

const PAGE = 50;
const ROLES = [["user", "User"], ["admin", "Administrator"]];
const QUOTA_HINT = "Such as 10 GB, or none for no limit.";
const address = (user) => `/admin/users/${encodeURIComponent(user.id)}`;

export async function show(place) {
  const view = new UsersView(place);
  await view.load();
  return () => view.abort.abort();
}

class UsersView {
  constructor(place) {
    this.abort = new AbortController();
    this.users = [];
    this.search = h("input", { type: "search", "aria-label": "Search users", placeholder: "Search by name or e-mail", autocomplete: "off", spellcheck: "false" });
    this.search.addEventListener("input", calm(250, () => this.load().catch(complain)));
    this.list = h("div", { class: "admin-body" });
    fill(place,
      h("div", { class: "card-head" }, h("h1", {}, "Users"), h("div", { class: "tools" },
        button({ label: "New user", icon: "plus", kind: "primary", onClick: () => this.create() }))),
      this.search, this.list,
      commands("echofs admin users list [SEARCH]", "echofs admin users add USERNAME E-MAIL --role user --quota 10GB",
        "echofs admin users set USERNAME --disable | --enable | --role admin | --quota none", "echofs admin users password USERNAME"));
  }

  /** Show what is found from the start. */
  async load() {
    this.abort.abort();
    this.abort = new AbortController();
    await this.add([], "");
    announce(count(this.users.length, "user"));
  }

  async add(before, after) {
    const { data } = await get("/admin/users", { search: this.search.value.trim(), after, limit: PAGE }, { signal: this.abort.signal });
    this.users = [...before, ...data.users];
    this.next = data.next;
    this.draw();
  }

  draw() {
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    fill(this.list,
      this.users.length ? table("Users", this.columns(), this.users) : h("p", { class: "quiet-text" }, "Nobody has this in their name or e-mail address."),
      this.next && h("div", {}, button({ label: "Show more", onClick: () => this.add(this.users, this.next).catch(complain) })));
    if (focused) this.list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  columns() {
    return [
      { label: "User", kind: "lead-cell", cell: (user) => h("div", { class: "title-text" }, named(user.username), named(user.email, { class: "name where" })) },
      { label: "Role", cell: (user) => h("span", { class: "chips" }, user.role === "admin" ? chip("Administrator") : chip("User"), user.disabled && chip("Disabled", "bad")) },
      { label: "Space", kind: "space", cell: (user) => usageBar({ ...user.usage, quota_bytes: user.quota_bytes }) },
      { label: "Files", kind: "number", cell: (user) => user.usage.files.toLocaleString() },
      { label: "Last sign-in", cell: (user) => (user.last_login_at ? moment(user.last_login_at) : "Never") },
      { label: "Actions", kind: "act", cell: (user) => actionsButton(user.username, user.id, () => this.actions(user)) },
    ];
  }

  actions(user) {
    const mine = user.id === session.user.id;
    return [
      { label: "Usage and account", icon: "info", onClick: () => this.inform(user) },
      { label: "Set quota", icon: "rename", onClick: () => this.setQuota(user) },
      { label: "Reset password", icon: "key", onClick: () => this.resetPassword(user) },
      { label: "What they did", icon: "history", onClick: () => go(`/admin/audit?${new URLSearchParams({ actor: user.username })}`) },
      !mine && null,
      !mine && { label: user.role === "admin" ? "Make an ordinary user" : "Make administrator", icon: "admin", onClick: () => this.setRole(user) },
      !mine && (user.disabled
        ? { label: "Enable", icon: "check", onClick: () => this.setDisabled(user, false) }
        : { label: "Disable", icon: "unsafe", danger: true, onClick: () => this.setDisabled(user, true) }),
    ].filter((item) => item !== false);
  }

  async create() {
    const done = await request("New user", {
      fields: [
        field({ name: "username", label: "User name", spellcheck: "false", autofocus: true }),
        field({ name: "email", label: "E-mail address", type: "email" }),
        passwordField("password", "Password"),
        choice({ name: "role", label: "Role", options: ROLES }),
        field({ name: "quota_bytes", label: "Quota", hint: `${QUOTA_HINT} Empty: the usual one (DEFAULT_QUOTA).` }),
      ],
      label: "Create user",
      submit: async ({ quota_bytes: quota, ...values }) => {
        const wanted = quota.trim() ? { quota_bytes: parseSize(quota, "quota_bytes") } : {};
        await post("/admin/users", { ...values, ...wanted });
        return `${values.username} can sign in now.`;
      },
    });
    if (done) await this.load().catch(complain);
  }

  inform(user) {
    const used = user.usage;
    return dialog(user.username, (close) => ({
      body: [usageBar({ ...used, quota_bytes: user.quota_bytes }), facts([
        ["E-mail", named(user.email)],
        ["Files", `${count(used.files, "file")}, ${size(used.bytes)}`],
        ["In the trash", size(used.trash_bytes)],
        ["Quota", user.quota_bytes === null ? "None" : size(user.quota_bytes)],
        ["Since", exactly(user.created_at)],
        ["Last sign-in", user.last_login_at ? exactly(user.last_login_at) : "Never"],
      ])],
      actions: [button({ label: "Done", kind: "primary", onClick: () => close() })],
    }));
  }

  setQuota(user) {
    return this.change(user, `Quota of ${user.username}`, {
      text: `${size(user.usage.bytes + user.usage.trash_bytes)} are in use, the trash included. Below that nothing is lost, but nothing more can be stored.`,
      fields: [field({ name: "quota_bytes", label: "Quota", value: writtenSize(user.quota_bytes), hint: QUOTA_HINT, autofocus: true })],
      label: "Set quota",
      wish: ({ quota_bytes: quota }) => ({ quota_bytes: parseSize(quota, "quota_bytes") }),
      words: `The quota of ${user.username} is set.`,
    });
  }

  setRole(user) {
    const role = user.role === "admin" ? "user" : "admin";
    return this.change(user, role === "admin" ? `Make ${user.username} an administrator?` : `Make ${user.username} an ordinary user?`, {
      text: `${role === "admin" ? "Administrators manage users, workers and levels." : "These pages are closed to them then."} Their sessions end: they sign in again.`,
      label: role === "admin" ? "Make administrator" : "Make ordinary user",
      wish: () => ({ role }),
      words: `${user.username} is ${role === "admin" ? "an administrator" : "an ordinary user"} now.`,
    });
  }

  setDisabled(user, disabled) {
    return this.change(user, disabled ? `Disable ${user.username}?` : `Enable ${user.username}?`, {
      text: disabled ? "They cannot sign in any more; their sessions and app passwords end for good. Their files stay." : "They can sign in again with their password.",
      label: disabled ? "Disable" : "Enable",
      danger: disabled,
      wish: () => ({ disabled }),
      words: `${user.username} is ${disabled ? "disabled" : "enabled"}.`,
    });
  }

  async change(user, title, { wish, words, ...options }) {
    await request(title, {
      ...options,
      submit: async (values) => {
        const { data } = await patch(address(user), wish(values));
        this.replace(data.user);
        return words;
      },
    });
  }

  async resetPassword(user) {
    await request(`New password for ${user.username}`, {
      text: "All their sessions end.",
      fields: [passwordField("password", "New password")],
      label: "Set password",
      submit: async (values) => {
        const { data } = await post(`${address(user)}/password`, values);
        this.replace(data.user);
        return `${user.username} has a new password.`;
      },
    });
  }

  replace(user) {
    this.users = this.users.map((each) => (each.id === user.id ? user : each));
    this.draw();
  }
}
