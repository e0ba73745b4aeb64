// What makes pages quicker. Every page works without it.

const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
const once = (text) => text.trim().toLowerCase();

// Colours: light or dark by choice, the system's until someone chooses.
const dark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};
for (const button of all("[data-theme-switch]")) {
  const show = () => {
    button.querySelector("span").textContent = dark() ? "Light colours" : "Dark colours";
    const use = button.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, dark() ? "#sun" : "#moon"));
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    const theme = dark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem("theme", theme); } catch (_) { /* holds for this page only */ }
    show();
  });
  show();
}

// "/" and Ctrl-K lead to the search box; Escape leads back.
const jump = document.querySelector("[data-jump]");
let before = null;
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  const slash = event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
  const ctrlK = event.key === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
  if (jump && (slash || ctrlK)) {
    event.preventDefault();
    before = document.activeElement;
    jump.focus();
    jump.select();
  } else if (event.key === "Escape") {
    if (event.target === jump && !jump.value) before?.focus?.();
    if (document.activeElement.closest(".button-off")) document.activeElement.blur();
    const open = all("details.menu[open]").pop();
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  }
});

// Menus close when something else is pressed, and leave their scrolling table to be seen whole.
document.addEventListener("click", (event) => {
  for (const menu of all("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!menu.matches?.("details.row-menu") || !menu.open) return;
  const list = menu.querySelector(".menu-list");
  list.classList.add("floating");
  const from = menu.getBoundingClientRect();
  const size = list.getBoundingClientRect();
  const below = from.bottom + 4 + size.height <= innerHeight;
  list.style.top = `${Math.max(4, below ? from.bottom + 4 : from.top - 4 - size.height)}px`;
  list.style.left = `${Math.max(4, from.right - size.width)}px`;
  const close = () => { menu.open = false; };
  addEventListener("scroll", close, { once: true, capture: true, passive: true });
  addEventListener("resize", close, { once: true });
}, true);

// Filters of a list take effect when a select is changed.
for (const select of all("[data-submit-on-change]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

// Ticked rows: a box for all, and a bar that says how many.
for (const bar of all("form[data-bulk]")) {
  // Not bar.id: a box called "id" would stand in its place.
  const id = CSS.escape(bar.getAttribute("id"));
  const boxes = () => all(`input[type="checkbox"][form="${id}"]:not([data-all])`);
  const every = document.querySelector(`input[data-all][form="${id}"]`);
  const note = bar.querySelector(".bulk-count");
  const none = note.textContent;
  const show = () => {
    const ticked = boxes().filter((box) => box.checked).length;
    note.textContent = ticked ? `${ticked.toLocaleString("en")} chosen` : none;
    for (const button of all("button", bar)) button.disabled = ticked === 0;
    if (every) {
      every.checked = ticked > 0 && ticked === boxes().length;
      every.indeterminate = ticked > 0 && !every.checked;
    }
  };
  let last = null;
  document.addEventListener("click", (event) => {
    const box = event.target;
    if (box.form !== bar || box.type !== "checkbox") return;
    if (box === every) {
      for (const other of boxes()) other.checked = every.checked;
    } else {
      const list = boxes();
      if (event.shiftKey && last) {
        const [from, to] = [list.indexOf(last), list.indexOf(box)].sort((a, b) => a - b);
        for (const other of list.slice(from, to + 1)) other.checked = box.checked;
      }
      last = box;
    }
    show();
  });
  if (every) every.hidden = false;
  show();
}

// What cannot be undone: the button wakes when the name stands there.
for (const input of all("input[data-confirm]")) {
  const button = input.form.querySelector("button.danger");
  const check = () => { button.disabled = input.value.trim() !== input.dataset.confirm; };
  input.addEventListener("input", check);
  check();
}

// A form's summary of errors is read first.
document.querySelector("[data-focus]")?.focus({ preventScroll: true });

// A form is sent once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("method") !== "post") return;
  if (form.hasAttribute("data-sent")) event.preventDefault();
  form.setAttribute("data-sent", "");
});
addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => form.removeAttribute("data-sent")));

// Long lists to tick: type to find, take or leave all that is shown, and say what is chosen.
const pick = (picker) => {
  const list = picker.querySelector(".picker-list");
  const state = picker.querySelector("[data-picker-state]");
  const rows = all("label", list).map((label) => ({ label, box: label.querySelector("input"), text: once(label.textContent) }));
  const live = rows.filter((row) => !row.box.disabled);
  const tell = () => {
    if (!state) return;
    const chosen = rows.filter((row) => row.box.checked);
    const names = chosen.slice(0, 3).map((row) => row.label.querySelector("span").firstChild.textContent.trim());
    state.textContent = chosen.length === 0 ? state.dataset.all || "None chosen"
      : chosen.length <= 3 ? names.join(", ") : `${names.join(", ")} and ${chosen.length - 3} more`;
    picker.dispatchEvent(new CustomEvent("picked", { bubbles: true, detail: chosen.length }));
  };
  if (picker.hasAttribute("data-filter")) {
    const bar = document.createElement("div");
    bar.className = "picker-bar";
    const find = document.createElement("input");
    find.type = "search";
    find.placeholder = `Find among ${rows.length.toLocaleString("en")}`;
    find.setAttribute("aria-label", `Find in ${picker.querySelector("legend").textContent.trim()}`);
    const shown = () => live.filter((row) => !row.label.hidden);
    const button = (words, checked) => {
      const made = document.createElement("button");
      made.type = "button";
      made.className = "button small";
      made.textContent = words;
      made.addEventListener("click", () => { for (const row of shown()) row.box.checked = checked; tell(); });
      return made;
    };
    find.addEventListener("input", () => {
      const words = once(find.value).split(/\s+/);
      for (const row of rows) row.label.hidden = !words.every((word) => row.text.includes(word));
    });
    // Enter in the box ticks what is left instead of sending the form.
    find.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (shown().length === 1) { shown()[0].box.checked = true; tell(); }
    });
    bar.append(find, button("Take all shown", true), button("Leave all shown", false));
    list.before(bar);
  }
  list.addEventListener("change", tell);
  if (rows.some((row) => row.box.checked)) tell();
};
all(".picker").forEach(pick);
document.addEventListener("renewed", (event) => all(".picker", event.target).forEach(pick));

// Words that follow a choice: <output data-says="name" data-one="1 tenant" data-many="tenants">.
const say = () => {
  for (const output of all("[data-says]")) {
    const form = output.closest("form");
    const boxes = all(`[name="${CSS.escape(output.dataset.says)}"]:checked`, form);
    if (output.dataset.one) {
      output.textContent = boxes.length === 1 ? output.dataset.one
        : boxes.length ? `${boxes.length.toLocaleString("en")} ${output.dataset.many}` : output.dataset.none;
    } else if (boxes[0]) output.textContent = boxes[0].dataset.word;
  }
};
if (document.querySelector("[data-says]")) {
  document.addEventListener("change", say);
  document.addEventListener("picked", say);
  say();
}

// Rows of a matrix fold by group.
for (const button of all(".group-switch")) {
  const body = button.closest("tbody");
  const key = `fold:${location.pathname}:${button.textContent.trim()}`;
  const fold = (folded) => {
    button.setAttribute("aria-expanded", String(!folded));
    for (const row of all("tr:not(.group)", body)) row.hidden = folded;
  };
  try { if (localStorage.getItem(key)) fold(true); } catch (_) { /* unfolded */ }
  button.disabled = false;
  button.addEventListener("click", () => {
    const folded = button.getAttribute("aria-expanded") === "true";
    fold(folded);
    try { folded ? localStorage.setItem(key, "1") : localStorage.removeItem(key); } catch (_) { /* for now only */ }
  });
}

// Copy what stands in a code box.
if (window.PublicKeyCredential) {
  for (const part of all("[data-passkey-link]")) part.hidden = false;
  if (document.querySelector("[data-passkey]")) import("./passkey.js");
}

for (const button of all("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

for (const button of all("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  const words = button.querySelector("span");
  const said = words.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
      words.textContent = "Copied";
    } catch (_) {
      words.textContent = "Could not copy";
    }
    setTimeout(() => { words.textContent = said; }, 2000);
  });
}

// Where tabs do not all fit, the one that is open is in sight.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });

// Times: by the company's clocks and the reader's own, and in words that stay true while the page is open.
const zone = document.documentElement.dataset.zone || "UTC";
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
const clock = (at, timeZone) => {
  try {
    return new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone }).format(at) + ` ${timeZone}`;
  } catch (_) {
    return null; // a zone that this browser does not know
  }
};
const units = [["minute", 60], ["hour", 3600], ["day", 86400], ["month", 2592000], ["year", 31536000]];
const said = (at) => {
  const distance = Math.round((Date.now() - at) / 1000);
  const size = Math.abs(distance);
  if (size < 60) return distance < -1 ? "in a moment" : "just now";
  const [unit, seconds] = units.filter(([name, seconds]) => size >= seconds * ({ month: 2, year: 2 }[name] ?? 1)).pop();
  const count = Math.floor(size / seconds);
  const words = `${count} ${unit}${count === 1 ? "" : "s"}`;
  return distance >= 0 ? `${words} ago` : `in ${words}`;
};
const isSaid = /^(just now|in a moment|in \d+ [a-z]+|\d+ [a-z]+ ago)$/;
const tell = (time) => {
  const at = Date.parse(time.dateTime);
  if (Number.isNaN(at)) return;
  if (isSaid.test(time.textContent)) {
    const words = said(at);
    if (time.textContent !== words) time.textContent = words;
  }
  if (time.matches("[data-told]")) return;
  time.dataset.told = "";
  const clocks = [...new Set([zone, own])].map((name) => clock(at, name)).filter(Boolean);
  time.title = isSaid.test(time.textContent) ? clocks.join("\n") : [said(at), ...clocks.slice(1)].join("\n");
};
const tellAll = () => all("time[datetime]").forEach(tell);
tellAll();
setInterval(() => { if (!document.hidden) tellAll(); }, 30_000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) tellAll(); });
