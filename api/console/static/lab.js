// The lab's charts: specs come as JSON, Vega draws them, in the colours that the style sheet has.

import { $, call, complain, explain } from "./page.js";

const places = [...document.querySelectorAll("[data-chart]")];
const dark = matchMedia("(prefers-color-scheme: dark)");

function theme(width) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const text = { labelColor: colour("quiet"), titleColor: colour("quiet"), labelFontSize: 12, titleFontSize: 12, titleFontWeight: 400 };
  return {
    background: null,
    font: getComputedStyle(document.body).fontFamily,
    view: { stroke: null },
    axis: { ...text, gridColor: colour("line"), domainColor: colour("field"), tickColor: colour("field") },
    axisY: { labelLimit: width * 0.4 },
    legend: { ...text, columns: width < 420 ? 2 : 3 },
    bar: { color: colour("accent") },
    line: { color: colour("accent") },
    point: { color: colour("accent") },
    rule: { color: colour("ink") },
    range: { category: colour("series").split(" ") },
  };
}

const options = (width) => ({
  mode: "vega-lite",
  renderer: "canvas",
  actions: false,
  config: theme(width),
  // The page's policy has no eval, and no style but the style sheet's.
  ast: true,
  defaultStyle: false,
  tooltip: { disableDefaultStyle: true },
});

async function draw(specs) {
  for (const place of places) {
    place.drawn?.finalize();
    // Vega gives what it draws in a role of its own; the place keeps its own, and its words.
    const inside = document.createElement("div");
    place.replaceChildren(inside);
    const { view } = await vegaEmbed(inside, specs[place.dataset.chart], options(place.clientWidth));
    place.drawn = view;
    place.dataset.state = "drawn";
  }
}

if (places.length) {
  try {
    const specs = await call("GET", document.querySelector("[data-charts]").dataset.charts);
    await draw(specs);
    dark.addEventListener("change", () => draw(specs));
  } catch (error) {
    complain(error instanceof Error && error.status ? explain(error) : `A chart could not be drawn: ${error.message}`);
  }
}

for (const select of document.querySelectorAll("[role=search] select")) {
  select.addEventListener("change", () => { $("split").form.requestSubmit(); });
}
