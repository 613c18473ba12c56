// Where the desk gets its things from, and how it hands the decisions in.

import { $, call, explain, persist, reviewer } from "./page.js";

export const reviewing = {
  leases: true,
  names: { approve: "approved", reject: "rejected", skip: "skipped" },
  async more(count) {
    const category_id = $("category_id").value || null;
    const body = { reviewer, order: $("order").value, category_id, count: Math.min(count, 50) };
    return (await call("POST", "/v1/candidates/next", body)).data;
  },
  async ask(items) {
    const transactions = items.map((item) => item.question());
    return (await call("POST", "/v1/categorize/batch", { transactions, top_k: 5 })).results;
  },
  decide(item, verb, reason) {
    const body = { reviewer };
    if (verb === "approve") body.changes = item.changes();
    if (verb === "reject") body.reason = reason || null;
    return persist("POST", `/v1/candidates/${item.id}/${verb}`, body);
  },
  undo: async () => (await persist("POST", "/v1/candidates/undo", { reviewer })).candidate,
};

export const labelling = {
  cursor: "",
  names: { approve: "labelled", skip: "skipped" },
  async more() {
    if (this.cursor === null) return [];
    const page = await call("GET", `/v1/transactions?unlabelled=true&limit=20${this.cursor && `&cursor=${encodeURIComponent(this.cursor)}`}`);
    this.cursor = page.page.next;
    return page.data;
  },
  async ask(items) {
    const transaction_ids = items.map((item) => item.id);
    return (await call("POST", "/v1/categorize/batch", { transaction_ids, top_k: 9 })).results;
  },
  decide(item, verb) {
    if (verb === "skip") return null; // nobody needs to know
    return persist("PUT", `/v1/transactions/${item.id}/label`, { category_id: item.category.id, reviewer });
  },
};

// Ask the model about all of them at once: those that have a new answer. One that an edit has overtaken has none.
export async function suggest(source, items) {
  const asked = items.filter((item) => item.data.kind !== "paraphrase");
  const turns = asked.map((item) => ++item.turn);
  if (!asked.length) return [];
  let results = [];
  let problem = "";
  try {
    results = await source.ask(asked);
  } catch (error) {
    problem = error.code === "no-active-model"
      ? "No model is active, so nothing is suggested." : `Nothing is suggested. ${explain(error)}`;
  }
  return asked.filter((item, index) => {
    if (item.turn !== turns[index]) return false;
    const answer = results[index]?.answer;
    item.suggestions = (answer?.suggestions ?? []).map(({ category, score }) => ({ ...category, score }));
    item.said = problem || (answer ? `By ${answer.model_version}` : "The model cannot be asked about these fields.");
    return true;
  });
}
