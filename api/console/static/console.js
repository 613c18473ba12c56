// The console's own script. It speaks to the public API and puts what it gets into the page as text, never
// as HTML. Reading order: page.js, sources.js, desk.js; search.js and table.js stand alone.

import { Desk } from "./desk.js";
import { $, complain, explain } from "./page.js";
import { loadCategories } from "./search.js";
import { sourceOf } from "./sources.js";
import { startTable } from "./table.js";

// What is no answer to what htmx asked is an error to show, not a part of the page.
document.addEventListener("htmx:before:response", (event) => {
  const { status } = event.detail.ctx.response;
  if (status < 400 || status === 401) return; // 401: it is told where to go
  event.preventDefault();
  complain(`This part of the page could not be loaded (${status}). Load the page again.`);
});

const desk = $("desk") && new Desk(sourceOf($("desk").dataset));
if ($("table-page")) startTable();
desk?.start();
try {
  const categories = await loadCategories();
  if (desk) desk.search.all = categories;
} catch (error) {
  complain(explain(error));
}
