// The table: rows come by htmx; this decides about those that are selected.

import { $, complain, explain, persist, reviewer, say } from "./page.js";

const boxes = () => [...document.querySelectorAll("#rows input[name=candidate]")];
const chosen = () => boxes().filter((box) => box.checked).map((box) => box.value);

function count() {
  const number = chosen().length;
  $("selected").textContent = `${number} selected`;
  $("approve-selected").disabled = $("reject-selected").disabled = number === 0;
  $("select-all").checked = number > 0 && number === boxes().length;
  $("select-all").indeterminate = number > 0 && number < boxes().length;
}

async function decide(verb, past) {
  complain("");
  const ids = chosen();
  const done = { [past]: 0, skipped: 0 };
  try {
    for (let at = 0; at < ids.length; at += 1000) {
      const answer = await persist("POST", `/v1/candidates/${verb}`, { reviewer, candidate_ids: ids.slice(at, at + 1000) });
      for (const name of Object.keys(done)) done[name] += answer[name];
    }
  } catch (error) {
    complain(explain(error));
  }
  const left = done.skipped ? `, ${done.skipped} left as they were: somebody else holds or decided them` : "";
  say(`${done[past]} ${past}${left}.`);
  $("selected").textContent = `${done[past]} ${past}${left}`;
  $("filters").dispatchEvent(new Event("refresh"));
}

export function startTable() {
  if (!$("selected")) return; // a key that may only read decides nothing
  $("rows").addEventListener("change", count);
  $("select-all").addEventListener("change", (event) => {
    for (const box of boxes()) box.checked = event.target.checked;
    count();
  });
  $("filters").addEventListener("change", () => { $("selected").textContent = "0 selected"; });
  $("approve-selected").addEventListener("click", () => decide("approve", "approved"));
  $("reject-selected").addEventListener("click", () => decide("reject", "rejected"));
  document.addEventListener("htmx:after:swap", () => {
    const said = $("selected").textContent;
    count();
    if (!chosen().length && !/^\d+ selected$/.test(said)) $("selected").textContent = said;
  });
}
