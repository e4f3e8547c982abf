// Keys, selections and focus of the reviewer's page. The server renders everything; htmx swaps what changed.
"use strict";

const KEYS_OFF = "oncofhir-keys-off"; // WCAG 2.1.4: single-key shortcuts can be turned off
const SEEN_AFTER_MS = 800;
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);
const items = () => all("[data-item]");
let current = null;

// The current item: a row of the worklist, or a finding.

function makeCurrent(item, focus) {
  if (!item) return;
  items().forEach((other) => other.classList.toggle("current", other === item));
  all(".finding[tabindex='0']").forEach((card) => card.setAttribute("tabindex", "-1"));
  current = item;
  if (item.matches(".finding")) item.setAttribute("tabindex", "0");
  if (focus) {
    (one("[data-focus]", item) || item).focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  }
  showEvidence(item);
  seen(item);
}

function step(by) {
  const list = items();
  const at = list.indexOf(current);
  makeCurrent(list[Math.min(Math.max(at + by, 0), list.length - 1)], true);
}

function showEvidence(item) {
  all("mark.now").forEach((mark) => mark.classList.remove("now"));
  if (!item.matches(".finding")) return;
  const marks = all(`mark[data-findings~="${CSS.escape(item.id)}"]`);
  marks.forEach((mark) => mark.classList.add("now"));
  const text = one(".text");
  if (marks.length && text) reveal(marks[0], text, 8);
}

// Blocks out of view have an estimated height: the mark moves when they are laid out, so look again.
function reveal(mark, text, tries) {
  const box = text.getBoundingClientRect();
  const at = mark.getBoundingClientRect();
  if (at.top >= box.top + 40 && at.bottom <= box.bottom - 20) return;
  text.scrollTop += at.top - box.top - box.height / 3;
  if (tries) requestAnimationFrame(() => reveal(mark, text, tries - 1));
}

// What was seen may be confirmed together.

function seen(item) {
  if (!item.dataset.version || item.dataset.seen) return;
  setTimeout(() => {
    if (!item.isConnected || !isInView(item)) return;
    item.dataset.seen = "yes";
    countSeen();
  }, SEEN_AFTER_MS);
}

function isInView(item) {
  const box = item.getBoundingClientRect();
  const pane = item.closest(".cards-of-report").getBoundingClientRect(); // as long as its content on a small screen
  return box.bottom > Math.max(pane.top, 0) && box.top < Math.min(pane.bottom, innerHeight);
}

function countSeen() {
  const form = one("#confirm-seen");
  if (!form) return;
  const open = all("[data-item][data-open]");
  const ready = open.filter((card) => card.dataset.seen);
  const button = one("button", form);
  button.disabled = ready.length === 0;
  one("[data-count]", form).textContent = `${ready.length} of ${open.length}`;
  const field = one("[data-fields]", form);
  field.replaceChildren(
    ...ready.map((card) => {
      const input = document.createElement("input");
      input.type = "hidden";
      input.name = "seen";
      input.value = card.dataset.ticket;
      return input;
    }),
  );
}

const observer = new IntersectionObserver(
  (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => seen(entry.target)),
  { threshold: 0.6 },
);

// Words selected in the report: offsets in code points of the text that the server knows.

function offsetOf(node, index) {
  const piece = (node.nodeType === Node.TEXT_NODE ? node.parentElement : node).closest("[data-start]");
  if (!piece || !piece.closest(".text")) return null;
  const start = Number(piece.dataset.start);
  if (piece.dataset.length || node.nodeType !== Node.TEXT_NODE) {
    return start + (index > 0 ? Number(piece.dataset.length || 0) : 0);
  }
  return start + [...node.data.slice(0, index)].length;
}

function selectedRange() {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  const start = offsetOf(range.startContainer, range.startOffset);
  const end = offsetOf(range.endContainer, range.endOffset);
  return start === null || end === null || start >= end ? null : { start, end };
}

let lastRange = null;
document.addEventListener("selectionchange", () => {
  const range = selectedRange();
  if (range) lastRange = range;
  const button = one("[data-page-key='a']");
  if (button) button.classList.toggle("primary", Boolean(range));
});

document.addEventListener("htmx:configRequest", (event) => {
  if (!event.detail.elt.matches("[data-page-key='a']")) return;
  const range = selectedRange() || lastRange; // selectionchange comes later than a key that follows at once
  if (range) event.detail.parameters.set("at", `${range.start}-${range.end}`);
  lastRange = null;
});

// Keys.

// What is typed is meant, and no longer what was chosen before.
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-search]")) return;
  all(".choices input[name='choice']", event.target.form).forEach((choice) => { choice.checked = false; });
});

const isTyping = (target) => target.matches("input:not([type='radio'], [type='checkbox']), select, textarea");

let lastDecided = null; // the id of the finding that the last verdict was on: the focus moves on, Undo comes back

document.addEventListener("click", (event) => {
  const verdict = event.target.closest("button[name='verdict']");
  const card = verdict && verdict.closest("[data-item]");
  if (card && verdict.value !== "undo") lastDecided = card.id;
});

function undoLast() {
  const card = lastDecided && document.getElementById(lastDecided);
  const button = card && one("[data-key='u']", card);
  if (!button) {
    say("Nothing to undo on this finding", 8000);
    return false;
  }
  makeCurrent(card, true);
  button.click();
  return true;
}

function press(key) {
  if (key === "u" && !(current && one("[data-key='u']", current))) return undoLast();
  const button = (current && one(`[data-key='${key}']`, current)) || one(`[data-page-key='${key}'], [data-key='${key}']:not([data-item] *)`);
  if (!button || button.disabled) return false;
  button.click();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.closest(".edit")) return closeEdit(event.target.closest(".edit"));
  if (event.key === "ArrowDown" && event.target.matches("[data-search]")) {
    const radio = one(".choices input", event.target.form);
    if (radio) { radio.focus(); event.preventDefault(); }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || one("dialog[open]")) return;
  if (localStorage.getItem(KEYS_OFF) || isOpening) return;
  const moves = { j: 1, k: -1 };
  if (event.repeat && !(event.key in moves)) return; // a key held down decides once
  if (event.key in moves) step(moves[event.key]);
  else if (event.key === "?") openKeys();
  else if (!/^[a-z/\]]$/.test(event.key) || !press(event.key)) return;
  event.preventDefault();
});

function closeEdit(edit) {
  const item = edit.closest("[data-item]") || current;
  edit.remove();
  if (item) makeCurrent(item, true);
}

function openKeys() {
  const dialog = one("#keys");
  if (!dialog) return;
  dialog.showModal();
  one("h2", dialog).focus(); // else the browser focuses the checkbox, and Space turns the keys off
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-action]");
  const action = target && target.dataset.action;
  if (action === "keys") openKeys();
  else if (action === "close") target.closest("dialog").close();
  else if (action === "cancel") closeEdit(target.closest(".edit"));
});

document.addEventListener("change", (event) => {
  if (event.target.id !== "keys-on") return;
  if (event.target.checked) localStorage.removeItem(KEYS_OFF);
  else localStorage.setItem(KEYS_OFF, "yes");
});

document.addEventListener("focusin", (event) => {
  const item = event.target.closest("[data-item]");
  if (item && item !== current) makeCurrent(item, false);
});

// While a request is under way, and when it fails: nothing typed is lost.

const SAVING = "Saving …";

function say(message, clearAfterMs) {
  const live = one("#live");
  if (!live) return;
  live.textContent = message;
  if (clearAfterMs) setTimeout(() => { if (live.textContent === message) live.textContent = ""; }, clearAfterMs);
}

// A form that is still being loaded: what is typed is meant for it, and decides nothing.
let isOpening = false;
document.addEventListener("htmx:beforeRequest", (event) => { if (event.detail.elt.matches("button[hx-get]")) isOpening = true; });

let saving = null;
document.addEventListener("htmx:beforeRequest", (event) => {
  if (!event.detail.elt.matches("form")) return;
  clearTimeout(saving);
  saving = setTimeout(() => say(SAVING), 400);
});

document.addEventListener("htmx:afterRequest", () => {
  clearTimeout(saving);
  const live = one("#live");
  if (live && live.textContent === SAVING) say("");
});

// A proxy in between, or a fault, answers with something that is no part of this page: it must not replace a finding.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.getResponseHeader("oncofhir-page")) return;
  event.detail.shouldSwap = false;
  failed(xhr.status);
});

document.addEventListener("htmx:sendError", () => failed(0));

function failed(status) {
  isOpening = false;
  const dialog = one("#failed");
  if (!dialog || dialog.open) return;
  one("[data-status]", dialog).textContent = status ? `The answer had the status ${status}.` : "There was no answer.";
  dialog.showModal();
}

// After a swap: what was decided is said aloud, and the next finding is current.

document.addEventListener("decided", (event) => {
  const { card, message, stay } = event.detail;
  say(message, 8000);
  const decided = document.getElementById(card);
  const list = items();
  const after = stay ? null : list.slice(list.indexOf(decided) + 1).find((item) => "open" in item.dataset);
  makeCurrent(after || decided || list[0], true);
  countSeen();
});

document.addEventListener("formtoken", (event) => {
  all("input[name='form_token']").forEach((input) => { input.value = event.detail.token; });
});

function prepare(root) {
  const found = root.matches && root.matches("[data-item]") ? [root] : [];
  [...found, ...all("[data-item]", root)].forEach((item) => observer.observe(item));
  all("dialog[data-open]", root).forEach((dialog) => { if (!dialog.open) dialog.showModal(); });
  const first = one("[data-autofocus]", root);
  if (first) {
    first.focus({ preventScroll: true });
    (first.closest(".edit") || first).scrollIntoView({ block: "nearest" }); // with the button that saves
  }
  isOpening = false;
  countSeen();
}

document.addEventListener("htmx:afterSettle", (event) => prepare(event.detail.target.isConnected ? event.detail.target : document));

document.addEventListener("DOMContentLoaded", () => {
  const keys = one("#keys-on");
  if (keys) keys.checked = !localStorage.getItem(KEYS_OFF);
  prepare(document);
  const list = one("[data-start]:not(.text *)");
  const name = location.hash.slice(1) || (list && list.dataset.start);
  const wanted = name && document.getElementById(name);
  const start = wanted && wanted.matches("[data-item]") ? wanted : one("[data-item][data-open]") || items()[0];
  if (start && start.matches(".finding")) makeCurrent(start, true);
});
