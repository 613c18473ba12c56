// Where the desk gets its things from, and how it hands the decisions in.

import { $, call, explain, persist, reviewer } from "./page.js";

const reviewing = {
  leases: true,
  names: { approve: "approved", reject: "rejected", skip: "skipped" },
  // What the reviewer holds comes first again, so it is asked for together with what is new.
  async more(count, held) {
    const category_id = $("category_id").value || null;
    const body = { reviewer, order: $("order").value, category_id, count: Math.min(held.length + count, 50) };
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

const labelling = {
  leases: true,
  cursor: "", // null: the queue has no further page
  names: { approve: "labelled", skip: "skipped" },
  async more(count, held) {
    const isAtEnd = this.cursor === null;
    const body = { reviewer, count: isAtEnd ? 0 : count, transaction_ids: held, cursor: this.cursor || null };
    const page = await call("POST", "/v1/transactions/next", body);
    if (body.count) this.cursor = page.page.next;
    return page.data;
  },
  async ask(items) {
    const transaction_ids = items.map((item) => item.id);
    return (await call("POST", "/v1/categorize/batch", { transaction_ids, top_k: 9 })).results;
  },
  decide(item, verb) {
    if (verb === "skip") return null; // its lease ends when the desk asks for more without it
    const body = { category_id: item.category.id, reviewer, unless_labelled_by_another: true };
    return persist("PUT", `/v1/transactions/${item.id}/label`, body);
  },
};

// For keys that may only read: the same things to look at, leased to nobody and decided by nobody.
function browsing(source, path) {
  return {
    ask: source.ask,
    names: source.names,
    cursor: "",
    async more(count) {
      if (this.cursor === null || !count) return [];
      const category_id = $("category_id")?.value;
      const query = new URLSearchParams({ limit: 20, ...(category_id && { category_id }), ...(this.cursor && { cursor: this.cursor }) });
      const page = await call("GET", `${path}&${query}`);
      this.cursor = page.page.next;
      return page.data;
    },
    decide: () => null,
  };
}

export function sourceOf({ desk, readOnly }) {
  const isReview = desk === "review";
  if (readOnly === undefined) return isReview ? reviewing : labelling;
  return isReview ? browsing(reviewing, "/v1/candidates?status=pending") : browsing(labelling, "/v1/transactions?unlabelled=true");
}

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
