// The thing on the desk: what is known of it, what the form says of it, how it is shown.

import { $, titleOf } from "./page.js";

const fields = () => [...document.querySelectorAll("[data-field]")];
const textOf = (value) => Array.isArray(value) ? value.join("; ") : value ?? "";

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// What the form says, as the API takes it.
export function readForm() {
  return Object.fromEntries(fields().filter((one) => !one.matches(":disabled")).map(({ name, value }) => {
    if (name === "merchant_category") return [name, value.split(";").map((one) => one.trim()).filter(Boolean)];
    return [name, value.trim() === "" ? null : value];
  }));
}

export class Item {
  constructor(data) {
    Object.assign(this, { id: data.id, data, category: data.category ?? null, note: "", turn: 0, suggestions: null });
    this.said = data.kind === "paraphrase" ? "The model is not asked about other names." : "Asking the model …";
  }

  // The fields that differ from what the form first showed, and the category where it does.
  changes() {
    const differs = ([name, value]) => JSON.stringify(value) !== JSON.stringify(this.first[name]);
    const changed = Object.fromEntries(Object.entries(this.draft).filter(differs));
    if (this.category.id !== this.data.category.id) changed.category_id = this.category.id;
    return changed;
  }

  question() {
    const names = fields().map(({ name }) => name).filter((name) => name !== "paraphrase");
    return Object.fromEntries(names.map((name) => [name, (this.draft ?? this.data)[name]]));
  }
}

function factsOf(data) {
  const money = data.amount && `${data.amount} ${data.currency ?? ""}`;
  if (!data.style) return [money, data.source];
  const margin = data.margin === null ? null : `margin ${data.margin.toFixed(2)}`;
  return [money, data.style, data.rank ? `the model put it at rank ${data.rank}` : null, margin, `by ${data.llm}`];
}

export function showCard(item) {
  $("card").dataset.id = item.id;
  $("card-title").textContent = titleOf(item.data);
  $("facts").textContent = factsOf(item.data).filter(Boolean).join(" · ");
  for (const group of document.querySelectorAll("fieldset[data-kind]")) {
    group.hidden = group.disabled = group.dataset.kind !== item.data.kind;
  }
  for (const one of fields()) one.value = textOf(item.data[one.name]);
  item.first ??= readForm();
  if (item.draft) for (const one of fields()) one.value = textOf(item.draft[one.name]);
  for (const place of document.querySelectorAll("[data-shown]")) {
    place.textContent = textOf(item.data[place.dataset.shown]);
    place.parentElement.hidden = !place.textContent;
  }
  showSuggestions(item);
}

export function showCategory(item) {
  $("chosen").textContent = item.category?.name ?? "None chosen";
  const wasProposed = item.data.category && item.category.id !== item.data.category.id;
  $("chosen-note").textContent = wasProposed ? `instead of ${item.data.category.name}` : item.data.category ? "proposed" : "";
  for (const button of document.querySelectorAll("[data-pick]")) {
    button.setAttribute("aria-pressed", String(button.dataset.category === item.category?.id));
  }
}

export function showSuggestions(item) {
  const rows = (item.suggestions ?? []).map(({ id, name, score }, index) => {
    const bar = make("span", { className: "score-bar" }, make("span", {}));
    bar.firstChild.style.inlineSize = `${Math.max(0, Math.min(1, score)) * 100}%`;
    bar.setAttribute("aria-hidden", "true");
    const key = make("kbd", { textContent: index + 1 });
    key.setAttribute("aria-hidden", "true");
    const button = make("button", { type: "button", className: "suggestion" }, key,
      make("span", { className: "name", textContent: name }), bar, make("span", { className: "score", textContent: score.toFixed(2) }));
    button.dataset.pick = index;
    button.dataset.category = id;
    button.setAttribute("aria-keyshortcuts", index + 1);
    return make("li", {}, button);
  });
  $("suggestions").replaceChildren(...rows);
  const isAmong = !item.data.category || !item.suggestions?.length || item.suggestions.some(({ id }) => id === item.data.category.id);
  $("suggestions-note").textContent = item.said + (isAmong ? "" : "; the proposed category is not among them.");
  showCategory(item);
}
