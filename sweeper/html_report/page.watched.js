"use strict";
// Follows the sweep: asks where the page came from how far it is, and takes in what is new.

const POLL_MS = 2000;
const STALLED_MS = 60000;
const watched = byId("watched");
document.documentElement.style.overflowAnchor = "none";  // `hold` does it, across replaced parts

async function ask(name) {
  const answer = await fetch(name, { signal: AbortSignal.timeout(STALLED_MS) });
  if (!answer.ok) throw new Error(`answer ${answer.status}`);
  return answer;
}

// What is at the top of the window stays there, whatever changes above it.
function hold(change) {
  const marks = () => [...document.querySelectorAll("section[id], .chart[data-of]")].map(
    (element) => ({ name: element.id || element.dataset.of, top: element.getBoundingClientRect().top }));
  const before = marks().findLast(({ top }) => top < 60);
  change();
  const now = before && marks().find(({ name }) => name === before.name);
  if (now) scrollBy({ top: now.top - before.top, behavior: "instant" });
}

function say(lines, kind) {
  const parts = lines.map((line) => {
    const p = document.createElement("p");
    p.textContent = line;
    return p;
  });
  watched.className = `card ${kind}`;
  hold(() => watched.replaceChildren(...parts));
}

// Pictures that have been drawn stay, with new figures, so that nothing flickers.
async function renew() {
  const fresh = new DOMParser().parseFromString(await (await ask("new")).text(), "text/html");
  const known = new Map([...drawn.keys()].map((chart) => [chart.dataset.of, chart]));
  const pairs = [...fresh.querySelectorAll(".chart")].map((chart) => [known.get(chart.dataset.of), chart]);
  const kept = pairs.filter(([old]) => old);
  const figures = await Promise.all(kept.map(([, chart]) => unpack(chart.querySelector("script"))));

  hold(() => {
    kept.forEach(([old, chart], i) => {
      drawn.set(old, figures[i]);
      old.style.height = chart.style.height;
      old.style.minWidth = chart.style.minWidth;
      chart.replaceWith(old);
    });
    replaceParts(fresh);
    renewTable(JSON.parse(fresh.getElementById("data").textContent));
  });
  for (const chart of [...drawn.keys()].filter((one) => !one.isConnected)) {
    window.Plotly.purge(chart);
    drawn.delete(chart);
  }
  pairs.filter(([old]) => !old).forEach(([, chart]) => watcher.observe(chart));
  await Promise.all(kept.map(([old]) => redraw(old)));
  watched.dataset.version = fresh.getElementById("watched").dataset.version;
}

// All but the table of trials, which is filled anew where it stands.
function replaceParts(fresh) {
  const opened = [...document.querySelectorAll("details[open] summary")].map((one) => one.lastElementChild?.textContent);
  for (const summary of fresh.querySelectorAll("summary")) {
    summary.parentElement.open = opened.includes(summary.lastElementChild?.textContent);
  }
  for (const name of ["header", "nav"]) document.querySelector(name).replaceWith(fresh.querySelector(name));
  const main = document.querySelector("main");
  const sections = [...fresh.querySelectorAll("main > section")];
  for (const old of main.querySelectorAll(":scope > section")) {
    if (!sections.some(({ id }) => id === old.id)) old.remove();
  }
  let last = null;
  for (const section of sections) {
    const old = byId(section.id);
    if (old && (section.id === "trials" || old.isEqualNode(section))) {
      last = old;
      continue;
    }
    if (old) old.replaceWith(section);
    else if (last) last.after(section);
    else main.prepend(section);
    last = section;
  }
}

function renewTable(newData) {
  const { name } = columns[sorted.column];
  data = newData;
  ({ columns, rows, exceptions, groups, places, metric, isHighGood } = data.table);
  order = [...rows.keys()];
  texts = [];
  const column = columns.findIndex((one) => one.name === name);
  sorted.column = column < 0 ? metric : column;
  head();
  sort();
}

async function poll() {
  try {
    const state = await (await ask("state")).json();
    if (state.version !== watched.dataset.version) await renew();
    say(state.lines, state.kind);
  } catch (reason) {
    say([`This page no longer follows the sweep: sweeper watch has ended or can't be reached (${reason.message}).`], "fails");
  }
  setTimeout(poll, POLL_MS);
}

poll();
