// The categories: a search in a list box, and the selects of filters.

import { $, call } from "./page.js";

const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

export async function loadCategories() {
  const found = [];
  for (let cursor = ""; cursor !== null;) {
    const page = await call("GET", `/v1/categories?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    found.push(...page.data);
    cursor = page.page.next;
  }
  found.sort((one, other) => one.name.localeCompare(other.name));
  for (const select of document.querySelectorAll("select[data-categories]")) {
    select.append(...found.map((one) => new Option(one.name, one.id)));
  }
  return found;
}

export class Search {
  constructor(onChoose) {
    [this.input, this.list, this.onChoose, this.all, this.shown, this.at] = [$("search"), $("found"), onChoose, [], [], 0];
    this.input.addEventListener("input", () => this.show());
    this.input.addEventListener("focus", () => this.show());
    this.input.addEventListener("blur", () => this.close());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.list.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the input keeps the focus
      const index = [...this.list.children].indexOf(event.target.closest("[role=option]"));
      if (index >= 0) this.choose(index);
    });
  }

  show() {
    const words = fold(this.input.value).split(/\s+/);
    const fits = (one) => words.every((word) => fold(`${one.name} ${one.code ?? ""}`).includes(word));
    this.shown = this.all.filter(fits).slice(0, 50);
    this.list.replaceChildren(...this.shown.map((one, index) => {
      const option = Object.assign(document.createElement("li"), { id: `found-${index}`, role: "option" });
      option.append(one.name, Object.assign(document.createElement("span"), { textContent: one.code ?? "" }));
      return option;
    }));
    if (!this.shown.length) this.list.append(Object.assign(document.createElement("li"), { textContent: "No such category." }));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.mark(0);
  }

  mark(at) {
    this.at = Math.max(0, Math.min(at, this.shown.length - 1));
    [...this.list.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === this.at)));
    this.list.children[this.at]?.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", this.shown.length ? `found-${this.at}` : "");
  }

  close() {
    this.input.value = "";
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  choose(index) {
    const chosen = this.shown[index];
    if (!chosen) return;
    this.close();
    this.onChoose(chosen);
  }

  onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (step) this.mark(this.at + step);
    else if (event.key === "Enter" && !event.isComposing) this.choose(this.at);
    else return;
    event.preventDefault();
  }
}
