// A task's log that goes on while one looks. The page already holds what was there when it was drawn;
// this opens the event stream after the last line and adds to it.

const ICONS = {
  success: "check", running: "circle-dashed", queued: "clock", waiting: "hand", warning: "triangle-alert",
  failed: "x", cancelled: "ban", info: "info", unknown: "circle-help",
};
// The same words as Chip::for_task_state.
const STATES = {
  Success: ["success", "Success"], SuccessWithWarnings: ["warning", "Success, with warnings"],
  SuccessWithWarning: ["warning", "Success, with warnings"], Executing: ["running", "Running"], Running: ["running", "Running"],
  Queued: ["queued", "Queued"], Pending: ["queued", "Not started"], Waiting: ["waiting", "Waiting for a person"],
  Paused: ["waiting", "Waiting for a person"], Failed: ["failed", "Failed"], TimedOut: ["failed", "Timed out"],
  Cancelling: ["cancelled", "Cancelling"], Canceled: ["cancelled", "Cancelled"], Cancelled: ["cancelled", "Cancelled"],
  Skipped: ["cancelled", "Skipped"],
};
const look = (state) => STATES[state] || ["unknown", "Not known"];
const WORDS = { Warning: "Warning: ", Error: "Error: ", StdErr: "Error: ", Fatal: "Fatal: " };
const sprite = new URL("icons.svg", import.meta.url).pathname;

const make = (tag, attributes = {}, ...inside) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...inside);
  return element;
};
const icon = (name) => {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
};

/** Terminal colours to classes; every other escape is dropped. Same rules as in the page's own drawing. */
export function ansi(text) {
  const pieces = [];
  let bold = false, faint = false, colour = null;
  const push = (plain) => {
    plain = plain.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "");
    if (!plain) return;
    const names = [bold && "ab", faint && "ad", colour !== null && `a${colour}`].filter(Boolean).join(" ");
    pieces.push([names, plain]);
  };
  const parts = text.split(/\u001b(?:\[([0-9;:?]*)([@-~])|\[?)/);
  push(parts[0]);
  for (let at = 1; at < parts.length; at += 3) {
    if (parts[at + 1] === "m") {
      const codes = parts[at].split(";").map((code) => Number(code) || 0);
      while (codes.length) {
        const code = codes.shift();
        if (code === 0) { bold = faint = false; colour = null; }
        else if (code === 1) bold = true;
        else if (code === 2) faint = true;
        else if (code === 22) bold = faint = false;
        else if (code >= 30 && code <= 37) colour = code - 30;
        else if (code >= 90 && code <= 97) colour = code - 90;
        else if (code === 39) colour = null;
        else if (code === 38 || code === 48) codes.splice(0, codes[0] === 2 ? 4 : 2);
      }
    }
    push(parts[at + 2] || "");
  }
  return pieces;
}

class TaskLog extends HTMLElement {
  connectedCallback() {
    if (this.started) return;
    this.started = true;
    this.after = Number(this.dataset.after) || 0;
    this.lines = this.querySelector(".log-lines");
    this.note = this.querySelector("[data-log-state]");
    this.follow = this.querySelector("[data-log-follow]");
    this.find = this.querySelector("[data-log-find]");
    this.waitingLines = [];
    this.find.closest("label").hidden = false;
    this.find.addEventListener("input", () => this.search(this.find.value));
    this.addEventListener("click", (event) => {
      const link = event.target.closest?.('a[href^="#"]');
      if (link) { this.stopFollowing(); this.open(link.hash); }
    });
    addEventListener("hashchange", () => this.open(location.hash));
    if (location.hash) { this.stopFollowing(); this.open(location.hash); }
    if (this.dataset.stream) {
      this.follow.closest("label").hidden = false;
      for (const kind of ["wheel", "touchmove"]) {
        addEventListener(kind, (event) => { if (!(event.deltaY > 0)) this.stopFollowing(); }, { passive: true });
      }
      this.listen();
      this.keepUp();
    }
  }
  disconnectedCallback() { this.source?.close(); clearTimeout(this.again); }

  listen() {
    const address = new URL(this.dataset.stream, location.href);
    address.searchParams.set("after", this.after);
    const source = this.source = new EventSource(address);
    const on = (name, act) => source.addEventListener(name, (event) => {
      let data = {};
      try { data = JSON.parse(event.data || "{}"); } catch (_) { return; }
      act(data);
    });
    source.addEventListener("open", () => { this.tries = 0; this.say("Live"); });
    source.addEventListener("error", () => {
      // The browser would ask for the old address again; ask from the last line instead.
      source.close();
      this.tries = (this.tries || 0) + 1;
      const wait = Math.min(30, 2 ** this.tries);
      this.say(`Connection lost, trying again in ${wait} s`);
      this.again = setTimeout(() => this.listen(), wait * 1000);
    });
    on("line", (line) => {
      if (line.number <= this.after) return;
      this.after = line.number;
      this.waitingLines.push(line);
      this.frame ||= requestAnimationFrame(() => this.flush());
    });
    on("step", (step) => { this.flush(); this.step(step); });
    on("state", (state) => {
      const [kind, word] = look(state.state);
      for (const chip of document.querySelectorAll("[data-task-state] .chip")) {
        chip.dataset.state = kind;
        chip.replaceChildren(icon(ICONS[kind]), make("span", {}, state.label || word));
      }
    });
    on("end", () => {
      this.flush();
      source.close();
      this.say("Ended");
      this.follow.closest("label").hidden = true;
      // Buttons and summary belong to the new state; the page knows them.
      if (document.querySelector("[data-reload-at-end]")) setTimeout(() => location.reload(), 400);
    });
  }
  say(words) { this.note.textContent = words; }

  flush() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    for (const line of this.waitingLines.splice(0)) {
      const text = make("span");
      if (WORDS[line.category]) text.append(make("b", {}, WORDS[line.category]));
      for (const [names, plain] of ansi(line.text)) text.append(names ? make("i", { class: names }, plain) : plain);
      if (line.cut && this.dataset.raw) text.append(" ", make("a", { href: this.dataset.raw }, "All of it in the plain text"));
      const item = make("li", { id: `line-${line.number}`, "data-level": line.category },
        make("a", { href: `#line-${line.number}`, "aria-label": `Line ${line.number}` }, String(line.number)),
        make("time", {}, line.at), text);
      this.block(line.step).querySelector("ol").append(item);
    }
    this.keepUp();
  }
  block(id) {
    return this.lines.querySelector(`details[data-step="${CSS.escape(id)}"]`) || this.step({ id, name: `Step ${id}`, status: "Running" });
  }
  step({ id, name, status, duration = "", parent = "" }) {
    const [kind, word] = look(status);
    const list = this.querySelector(".log-steps ol");
    let entry = list.querySelector(`li[data-step="${CSS.escape(id)}"]`);
    let block = this.lines.querySelector(`details[data-step="${CSS.escape(id)}"]`);
    if (!block) {
      const above = parent && list.querySelector(`li[data-step="${CSS.escape(parent)}"]`);
      const depth = above ? Math.min(3, Number(above.dataset.depth) + 1) : 0;
      entry = make("li", { "data-depth": depth, "data-step": id }, make("a", { href: `#step-${id}` }));
      block = make("details", { class: "log-step", id: `step-${id}`, "data-step": id, "data-depth": depth, open: "" }, make("summary"), make("ol"));
      // After its parent and all that already lies under it.
      let last = above || null;
      while (last?.nextElementSibling && Number(last.nextElementSibling.dataset.depth) > Number(above.dataset.depth)) last = last.nextElementSibling;
      const before = last && this.lines.querySelector(`details[data-step="${CSS.escape(last.dataset.step)}"]`);
      last ? last.after(entry) : list.append(entry);
      before ? before.after(block) : this.lines.append(block);
    }
    const link = entry.firstElementChild;
    const head = block.firstElementChild;
    const was = head.dataset.state;
    const label = name || head.querySelector(".log-step-name")?.textContent || id;
    link.dataset.state = head.dataset.state = kind;
    link.replaceChildren(icon(ICONS[kind]), make("span", { class: "log-step-name" }, label),
      make("span", { class: "log-step-time" }, make("span", { class: "unseen" }, `${word} `), duration));
    head.replaceChildren(icon(ICONS[kind]), make("span", { class: "log-step-name" }, label),
      make("span", { class: "log-step-time" }, duration ? `${word} · ${duration}` : word));
    // What ended well folds itself away while one follows, but never under a reader's eyes.
    if (kind !== was && this.follow.checked) block.open = !(kind === "success" || kind === "cancelled");
    return block;
  }

  stopFollowing() { this.follow.checked = false; }
  keepUp() {
    if (!this.follow.checked || !this.dataset.stream) return;
    const end = this.getBoundingClientRect().bottom;
    if (end > innerHeight) scrollBy({ top: end - innerHeight + 16, behavior: "instant" });
  }
  open(hash) {
    const target = hash.length > 1 && document.getElementById(decodeURIComponent(hash.slice(1)));
    if (!target || !this.contains(target)) return;
    const block = target.closest("details");
    if (block && !block.open) { block.open = true; target.scrollIntoView({ block: "center" }); }
  }
  search(words) {
    const wanted = words.trim().toLowerCase();
    for (const line of this.lines.querySelectorAll("li")) {
      line.hidden = wanted !== "" && !line.lastElementChild.textContent.toLowerCase().includes(wanted);
    }
    let found = 0;
    for (const block of this.lines.querySelectorAll("details")) {
      const here = block.querySelectorAll("li:not([hidden])").length;
      found += here;
      block.hidden = wanted !== "" && here === 0;
      if (wanted && here) block.open = true;
    }
    this.say(wanted ? `${found.toLocaleString("en")} ${found === 1 ? "line" : "lines"}` : "");
  }
}
customElements.define("task-log", TaskLog);
