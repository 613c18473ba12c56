// The desk: one thing at a time on it, the next ones ready beside it, decisions handed in behind it.

import { Item, readForm, showCard, showCategory, showSuggestions } from "./card.js";
import { $, complain, explain, isTyping, say, titleOf } from "./page.js";
import { Search } from "./search.js";
import { suggest } from "./sources.js";

const AHEAD = 6; // so many more are fetched than are on the desk, so that the next one is there at once
const BEHIND = 20; // with more decisions than that on their way, those who decide wait for the server
const RENEW_MS = 120_000; // a lease lasts five minutes
const GONE = new Set(["candidate-decided", "candidate-leased", "not-found", "candidate-not-found", "transaction-not-found", "labelled-by-another"]);

export class Desk {
  constructor(source) {
    Object.assign(this, { source, current: null, ahead: [], known: new Set(), history: [], counts: {}, turn: 0 });
    Object.assign(this, { sending: Promise.resolve(), waiting: 0, failures: 0, isBusy: false, filling: null });
    this.search = new Search((category) => { this.choose(category); this.focus(); });
  }

  start() {
    document.addEventListener("keydown", (event) => this.onKey(event));
    $("desk").addEventListener("click", (event) => {
      const { action, pick } = event.target.closest("[data-action], [data-pick]")?.dataset ?? {};
      if (action) this.act(action);
      if (pick) this.pick(Number(pick));
    });
    $("fields")?.addEventListener("submit", (event) => event.preventDefault());
    $("fields")?.addEventListener("change", () => this.onEdit());
    $("reason")?.addEventListener("close", () => {
      if ($("reason").returnValue === "reject") this.decide("reject", $("reason-text").value.trim());
    });
    for (const id of ["order", "category_id"]) $(id)?.addEventListener("change", () => this.startOver());
    window.addEventListener("beforeunload", (event) => { if (this.waiting) event.preventDefault(); });
    try { $("single-keys").checked = localStorage.getItem("single-keys") !== "off"; } catch { /* not kept, then */ }
    $("single-keys").addEventListener("change", (event) => {
      try { localStorage.setItem("single-keys", event.target.checked ? "on" : "off"); } catch { /* as above */ }
    });
    const renew = () => { if (this.source.leases && !document.hidden && this.current) this.fill(); };
    setInterval(renew, RENEW_MS);
    document.addEventListener("visibilitychange", renew);
    this.next();
  }

  onKey(event) {
    if (event.repeat || event.isComposing || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const typing = isTyping(event.target);
    if (event.ctrlKey) {
      const action = { e: "approve", r: "reject" }[key];
      if (!action || (typing && key !== "e") || !document.querySelector(`[data-action=${action}]`)) return;
      this.act(action);
      event.preventDefault();
    } else if (key === "Escape" && typing) {
      this.focus();
    } else if (!typing && $("single-keys").checked) {
      const action = { a: "approve", x: "reject", s: "skip", z: "undo" }[key];
      if (/^[1-9]$/.test(key)) this.pick(Number(key) - 1);
      else if (key === "/") $("search").focus();
      else if (action && document.querySelector(`[data-action=${action}]`)) this.act(action);
      else return;
      event.preventDefault();
    }
  }

  act(action) {
    if (this.isBusy) return;
    if (document.querySelector(`[data-action=${action}]`)?.disabled) return complain($("read-only").textContent, "note");
    if (action === "undo") this.undo();
    else if (action === "again") this.startOver();
    else if (!this.current) return;
    else if (action !== "reject") this.decide(action);
    else {
      $("reason-text").value = "";
      $("reason").returnValue = "";
      $("reason").showModal();
    }
  }

  decide(verb, reason) {
    const item = this.isBusy ? null : this.current;
    if (!item) return;
    if (verb === "approve") {
      if ($("fields") && !$("fields").reportValidity()) return;
      item.category ??= item.suggestions?.[0] ?? null;
      if (!item.category) return complain("Choose a category first: a number, or / to search.", "note");
    }
    if ($("fields")) item.draft = readForm();
    if (isTyping(document.activeElement)) this.focus();
    complain("");
    this.history.push(item);
    this.send(item, verb, reason);
    this.next();
  }

  // In order, one after the other: an undo must find all that was decided before it.
  send(item, verb, reason) {
    this.waiting += 1;
    this.sending = this.sending.then(() => this.source.decide(item, verb, reason)).then(
      () => {
        this.counts[verb] = (this.counts[verb] ?? 0) + 1;
        this.showCounts();
        document.body.dispatchEvent(new Event("decided"));
      },
      (error) => this.bringBack(item, verb, error),
    ).finally(() => { this.waiting -= 1; });
  }

  // Never onto the desk itself, under the hands of somebody who looks at another one: it comes next.
  bringBack(item, verb, error) {
    this.failures += 1;
    this.history = this.history.filter((one) => one !== item);
    const what = `“${titleOf(item.data)}” was not ${this.source.names[verb]}. ${explain(error)}`;
    if (GONE.has(error.code)) return complain(what);
    item.note = what;
    complain(this.current ? `${what} It comes back next.` : what);
    this.ahead.unshift(item);
    if (!this.current) this.next();
  }

  async undo() {
    this.isBusy = true;
    try {
      const { failures } = this;
      await this.sending;
      if (this.failures !== failures) return; // what was to be undone was never done; it says so already
      const item = await this.takeBack();
      complain("");
      if (!item) return say("There is nothing to take back.");
      this.known.add(item.id);
      this.ahead = this.ahead.filter((one) => one.id !== item.id);
      if (this.current) this.setAside();
      this.show(item);
      say(`Back: ${titleOf(item.data)}`);
      document.body.dispatchEvent(new Event("decided"));
    } catch (error) {
      complain(explain(error));
    } finally {
      this.isBusy = false;
    }
  }

  async takeBack() {
    const last = this.history.pop();
    if (!this.source.undo) return last;
    try {
      const item = new Item(await this.source.undo());
      this.ask([item]);
      return item;
    } catch (error) {
      if (error.code === "nothing-to-undo") return null;
      this.history.push(...[last].filter(Boolean));
      throw error;
    }
  }

  setAside() {
    if ($("fields")) this.current.draft = readForm();
    this.ahead.unshift(this.current);
  }

  next() {
    this.show(this.ahead.shift() ?? null);
    if (this.ahead.length < AHEAD) this.fill();
  }

  startOver() {
    for (const item of [this.current, ...this.ahead]) if (item) this.known.delete(item.id);
    this.ahead = [];
    this.turn += 1;
    this.source.cursor = "";
    complain("");
    this.next();
  }

  show(item) {
    this.current = item;
    $("card").classList.toggle("busy", !item);
    if (!item) return; // what was there stays, until it is known whether something follows
    $("card").hidden = false;
    $("empty").hidden = true;
    showCard(item);
    complain(item.note, "note");
    say([titleOf(item.data), item.data.amount, item.data.currency, item.category?.name].filter(Boolean).join(", "));
  }

  showNothing(problem) {
    const hadFocus = $("card").contains(document.activeElement);
    $("card").hidden = true;
    $("card").dataset.id = "";
    $("empty").hidden = false;
    if (hadFocus) $("empty").focus();
    $("empty").classList.toggle("failed", Boolean(problem));
    say(problem || $("empty").querySelector("h2").textContent);
  }

  showCounts() {
    if (!$("labelled")) return;
    $("labelled").textContent = this.counts.approve ?? 0;
    $("skipped").textContent = this.counts.skip ?? 0;
  }

  fill() {
    this.filling ??= this.fetchMore().finally(() => { this.filling = null; });
  }

  async fetchMore() {
    let problem = "";
    for (let turn = -1; turn !== this.turn;) { // again, where the filters changed in the meantime
      turn = this.turn;
      try {
        if (this.waiting > BEHIND) await this.sending;
        const onTheWay = this.waiting ? this.history.slice(-this.waiting) : [];
        const held = [this.current, ...this.ahead, ...onTheWay].filter(Boolean).map((item) => item.id);
        const found = await this.source.more(this.ahead.length < AHEAD ? AHEAD : 0, held);
        if (turn !== this.turn) continue;
        const fresh = found.filter((data) => !this.known.has(data.id)).map((data) => new Item(data));
        for (const item of fresh) this.known.add(item.id);
        this.ahead.push(...fresh);
        this.ask(fresh);
      } catch (error) {
        complain(problem = explain(error));
      }
    }
    if (!this.current && this.ahead.length) this.show(this.ahead.shift());
    else if (!this.current) this.showNothing(problem);
  }

  async ask(items) {
    for (const item of await suggest(this.source, items)) if (item === this.current) showSuggestions(item);
  }

  choose(category) {
    if (!this.current) return;
    this.current.category = category;
    complain("", "note");
    showCategory(this.current);
    say(`Category: ${category.name}`);
  }

  pick(index) {
    const suggestion = this.current?.suggestions?.[index];
    if (suggestion) this.choose(suggestion);
  }

  onEdit() {
    if (!this.current) return;
    this.current.draft = readForm();
    if (this.current.draft.merchant_name) this.ask([this.current]);
  }

  focus() {
    $("card").focus({ preventScroll: true });
  }
}
