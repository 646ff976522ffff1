// Finds operations by words, and opens the one that the address names.
const field = document.querySelector("#find");
const found = document.querySelector("#found");
const items = [...document.querySelectorAll(".docs-item")].map((item) => ({
  item,
  text: item.querySelector("summary").textContent.toLowerCase(),
}));
const groups = [...document.querySelectorAll(".docs-group")];

function find() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const { item, text } of items) item.hidden = !words.every((word) => text.includes(word));
  for (const group of groups) group.hidden = !group.querySelector(".docs-item:not([hidden])");
  const count = items.filter(({ item }) => !item.hidden).length;
  found.textContent = words.length ? `${count} of ${items.length}` : "";
}

function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!named) return;
  if (named.closest("[hidden]")) {
    field.value = "";
    find();
  }
  if (named.tagName === "DETAILS") named.open = true;
  named.scrollIntoView();
}

field.addEventListener("input", find);
addEventListener("hashchange", openNamed);
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target === field) return;
  event.preventDefault();
  field.focus();
});
document.querySelector("#find-form").hidden = false;
openNamed();
