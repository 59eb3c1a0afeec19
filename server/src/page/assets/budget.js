// What may still be spent, of every population: the first thing one sees.

import { drawn, element, facts, say, section } from "./elements.js";
import { left, meaning, number, probability, several, spent } from "./words.js";

/** Width and height of a bar, in its own units. */
const [WIDTH, HEIGHT] = [1000, 28];

export function budgets() {
  const show = section("budget", "Nothing was set aside and nothing was spent: no task has begun.");
  return (state) => show(state.populations, (one) => one.population, create, update);
}

function create(view) {
  const name = element("h3", {}, view.population);
  const amount = element("strong");
  const of = element("span");
  const figure = element("p", { class: "amount" }, amount, of);
  const bar = drawn("svg", { class: "bar", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const segments = ["spent", "aside", "free"].map((kind) => drawn("rect", { class: kind, y: 0, height: HEIGHT }));
  bar.append(...segments);
  const legend = element("ul", { class: "legend" });
  const entries = ["spent", "aside", "free"].map((kind) => {
    const text = element("span");
    legend.append(element("li", {}, element("i", { class: kind, "aria-hidden": "true" }), text));
    return text;
  });
  const words = element("p", { class: "quiet" });
  const warning = element("p", { class: "notice", role: "alert", hidden: true });
  const details = facts();
  const more = element("details", {}, element("summary", {}, `What the budget of ${view.population} is for`), details.node);
  const node = element("article", { class: "budget", "aria-label": `Budget of ${view.population}` }, name, figure, bar, legend, words, warning, more);
  return { node, amount, of, bar, segments, entries, words, warning, details };
}

function update(part, view) {
  const whole = number(view.epsilon);
  part.node.dataset.private = Number.isFinite(whole);
  if (Number.isFinite(whole)) {
    const unspent = Math.max(0, whole - number(view.spent));
    say(part.amount, left(unspent));
    say(part.of, ` of epsilon ${left(whole)} not spent yet, at delta ${probability(view.delta)}`);
    const ends = [number(view.spent), number(view.reserved), whole].map((end) => (WIDTH * Math.min(end, whole)) / whole);
    ends.forEach((end, place) => {
      const start = place === 0 ? 0 : ends[place - 1];
      part.segments[place].setAttribute("x", start);
      part.segments[place].setAttribute("width", Math.max(0, end - start));
    });
    const aside = Math.max(0, number(view.reserved) - number(view.spent));
    say(part.entries[0], `${spent(view.spent)} spent`);
    say(part.entries[1], `${spent(aside)} set aside by tasks, not spent yet`);
    say(part.entries[2], `${left(view.left)} left for further tasks`);
  } else {
    say(part.amount, "NOT PRIVATE");
    say(part.of, " epsilon is infinite: this population was promised nothing");
    part.bar.setAttribute("hidden", "");
    part.entries.forEach((entry) => (entry.parentNode.hidden = true));
  }
  say(part.words, meaning(view.epsilon, view.delta));
  const warnings = [
    view.simulated ? "SIMULATED: the noise is seeded, and protects nobody." : null,
    view.behind,
  ].filter((warning) => warning);
  part.warning.hidden = warnings.length === 0;
  say(part.warning, warnings.join(" "));
  part.details.show([
    ["Unit of privacy", view.unit === "device" ? "one device: all its data, all its rounds" : view.unit],
    ["Relation", relation(view.relation)],
    ["Lifetime budget", Number.isFinite(whole) ? `epsilon ${left(whole)} at delta ${probability(view.delta)}; it never changes` : "none"],
    ["Delta set aside", probability(view.reserved_delta)],
    ["Across tasks", "basic composition of what they set aside; nothing is given back"],
    ["Ledger", several(view.entries, "entry", "entries")],
  ]);
}

/** Which worlds an epsilon compares. */
export function relation(name) {
  if (name === "zero_out") return "zero-out: with a device’s data, or with zeros in their place";
  return name === "replace_one" ? "replace-one: with a device’s data, or with another’s in their place" : name;
}
