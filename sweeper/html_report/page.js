"use strict";
// Text from the sweep enters the page by textContent alone, never as markup.
let data = JSON.parse(document.getElementById("data").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");

// Good values stand out: they are dark on light pages, light on dark ones.
function dressed(text) {
  const onDark = (_, colour) => `"${data.onDark[colour] ?? colour}"`;
  const figure = JSON.parse(dark.matches ? text.replaceAll(/"(#\w{6}|rgb\([\d, ]+\))"/g, onDark) : text);
  figure.layout.uirevision = "kept";  // zoom and brushes outlast a new figure
  figure.layout.template = data.themes[dark.matches ? "dark" : "light"];
  for (const trace of figure.data) {
    for (const part of [trace, trace.marker, trace.line]) {
      if (part && part.colorscale) part.reversescale = dark.matches;
    }
  }
  return figure;
}

// Pictures: unpacked and drawn when they come near the window.

function bytes(base64) {
  const text = atob(base64);
  const found = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) found[i] = text.charCodeAt(i);
  return found;
}

async function unpack(element) {
  const stream = new Blob([bytes(element.textContent.trim())]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

let library;
function plotly() {
  library ??= unpack(document.getElementById("library")).then((code) => {
    const script = document.createElement("script");
    script.textContent = code;
    document.head.append(script);
    return window.Plotly;
  });
  return library;
}

// No button that uploads the sweep.
const config = { responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "" };

const drawn = new Map();  // pictures, and their figures as text

async function draw(chart) {
  const source = chart.querySelector("script");
  const [Plotly, text] = await Promise.all([plotly(), unpack(source)]);
  source.remove();
  await Plotly.newPlot(chart, { ...dressed(text), config });
  if (chart.classList.contains("brushed")) chart.on("plotly_restyle", () => brush(chart));
  drawn.set(chart, text);
  chart.dataset.drawn = "yes";
}

async function redraw(chart) {
  await window.Plotly.react(chart, { ...dressed(drawn.get(chart)), config });
  if (chart.classList.contains("brushed")) brush(chart);
}

dark.addEventListener("change", () => drawn.forEach((_, chart) => redraw(chart)));

const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    draw(target).catch((reason) => { target.textContent = `This picture can't be drawn: ${reason}`; });
  }
}, { rootMargin: "400px" });
document.querySelectorAll(".chart").forEach((chart) => watcher.observe(chart));

// The brushed lines of the parallel coordinates: their trials fill the table.

function brush(chart) {
  const { dimensions, customdata } = chart.data[0];
  const axes = dimensions.filter(({ constraintrange }) => constraintrange && constraintrange.length);
  const filters = axes.map(({ values, constraintrange }) => {
    const places = new Float64Array(bytes(values.bdata).buffer);  // as plotly's JSON has them
    const ranges = Array.isArray(constraintrange[0]) ? constraintrange : [constraintrange];
    return (line) => ranges.some(([low, high]) => low <= places[line] && places[line] <= high);
  });
  const lines = [...customdata.keys()].filter((line) => filters.every((passes) => passes(line)));
  const all = lines.length === customdata.length;
  brushed = all ? null : new Set(lines.map((line) => customdata[line].join()));
  chart.closest("figure").querySelector(".brush").textContent =
    all ? "" : `${lines.length} of ${customdata.length} lines are brushed; the table shows their trials.`;
  fill();
}

// The table: sorted, searched, and written page by page.

const PAGE = 25;
let { columns, rows, exceptions, groups, places, metric, isHighGood } = data.table;
let order = [...rows.keys()];
let texts = [];
const byId = (id) => document.getElementById(id);
let brushed = null;
let sorted = { column: 0, ascending: true };
let page = 0;

function cellText(value) {
  return value === null ? "" : typeof value === "number" ? String(+value.toPrecision(6)) : value;
}

function matches(row) {
  if (brushed && !brushed.has(`${rows[row][0]},${columns[1].name === "replicate" ? rows[row][1] : 0}`)) return false;
  texts[row] ??= rows[row].map(cellText).join(" ").toLowerCase();
  return byId("query").value.toLowerCase().split(/\s+/).every((word) => texts[row].includes(word));
}

function compare(a, b) {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? 1 : -1;  // missing ones last, either way
  const way = sorted.ascending ? 1 : -1;
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return way * (typeof a === "number" ? a - b : a < b ? -1 : 1);
}

// The best first, or the worst. A stopped trial's value is none of a whole trial: it comes after
// all of these, either way.
function compareByMetric(a, b) {
  return groups[a] - groups[b] || (sorted.ascending ? 1 : -1) * (places[a] - places[b]);
}

function sortBy(column) {
  sorted = { column, ascending: sorted.column === column ? !sorted.ascending : true };
  page = 0;
  sort();
}

function sort() {
  const { column } = sorted;
  const byMetric = column === metric;
  order.sort((a, b) => (byMetric ? compareByMetric(a, b) : compare(rows[a][column], rows[b][column])) || a - b);
  fill();
}

function cell(row, column) {
  const td = document.createElement("td");
  const { name, kind } = columns[column];
  const value = rows[row][column];
  if (typeof value === "number") td.className = "number";
  if (kind === "long") td.className = "long";
  if (kind === "status") {
    const dot = document.createElement("i");
    dot.style.background = data.colours[value];
    td.append(dot);
  }
  if (name === "exception" && kind === "long" && exceptions[row] !== null) {
    const link = document.createElement("a");
    link.href = `#exception-${exceptions[row]}`;
    link.textContent = value;
    link.addEventListener("click", () => { document.querySelector(link.getAttribute("href")).open = true; });
    td.append(link);
  } else {
    td.append(cellText(value));
  }
  return td;
}

function fill() {
  const found = order.filter(matches);
  const pages = Math.max(1, Math.ceil(found.length / PAGE));
  page = Math.min(page, pages - 1);
  const body = document.createElement("tbody");
  for (const row of found.slice(page * PAGE, (page + 1) * PAGE)) {
    const tr = document.createElement("tr");
    tr.append(...columns.map((_, column) => cell(row, column)));
    tr.classList.toggle("best", rows[row][0] === data.best);
    body.append(tr);
  }
  byId("table").tBodies[0].replaceWith(body);
  const all = rows.length.toLocaleString("en");
  byId("shown").textContent = `${found.length.toLocaleString("en")} of ${all} trials`;
  byId("page").textContent = `page ${page + 1} of ${pages}`;
  byId("previous").disabled = page === 0;
  byId("next").disabled = page === pages - 1;
  byId("unbrush").hidden = !brushed;
  columns.forEach((_, i) => {
    const rising = sorted.ascending !== (i === metric && isHighGood);
    const way = rising ? "ascending" : "descending";
    byId("table").tHead.rows[0].cells[i].ariaSort = i === sorted.column ? way : "none";
  });
}

function head() {
  const tr = document.createElement("tr");
  columns.forEach(({ name, kind }, column) => {
    const th = document.createElement("th");
    if (kind === "number") th.className = "number";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => sortBy(column));
    th.append(button);
    tr.append(th);
  });
  byId("table").tHead.replaceChildren(tr);
}

head();
sorted.column = -1;
sortBy(metric);
byId("query").addEventListener("input", () => { page = 0; fill(); });
byId("previous").addEventListener("click", () => { page -= 1; fill(); });
byId("next").addEventListener("click", () => { page += 1; fill(); });
byId("unbrush").addEventListener("click", () => { brushed = null; fill(); });

// Copying

document.addEventListener("click", async ({ target: button }) => {
  if (!button.matches("button.copy") || button.textContent === "Copied") return;
  const pre = button.parentElement.querySelector("pre");
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(pre.textContent);
  } catch {  // not allowed: select it, and try the old way
    getSelection().selectAllChildren(pre);
    document.execCommand("copy");
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = before; }, 1500);
});
