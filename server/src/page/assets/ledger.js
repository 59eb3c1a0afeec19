// The record of every spend, and whether it is sound.

import { loader, now } from "./connection.js";
import { element, say, section, table } from "./elements.js";
import { duration, several, short } from "./words.js";

export function ledgers() {
  const show = section("ledgers", "There is no ledger: no task has begun.");
  let names = {};
  let shown = [];
  setInterval(() => shown.forEach((part) => part.tick()), 1000);
  return (state) => {
    names = Object.fromEntries(state.tasks.map((task) => [task.task, task.name]));
    shown = [];
    show(state.populations, (one) => one.population, (view) => create(view, () => names), (part, view) => {
      part.load(view);
      shown.push(part);
    });
  };
}

function create(view, names) {
  const verdict = element("p", { class: "verdict" }, "not verified yet");
  const head = element("p", { class: "quiet digest" });
  const count = element("p", { class: "quiet" });
  const rows = table(`Ledger of ${view.population}`,
    [["entry", "right"], ["what", ""], ["task", ""], ["round", "right"], ["detail", ""], ["digest", "digest"]]);
  const whole = element("a", { href: `/page/files/ledger/${encodeURIComponent(view.population)}`, download: true }, `Download the ledger of ${view.population}`);
  const node = element("article", { class: "ledger", "aria-label": `Ledger of ${view.population}` },
    element("h3", {}, view.population), verdict, head, rows.node, count, element("p", {}, whole));
  let last = null;
  const tick = () => {
    if (!last) return;
    const ago = duration((now() - Date.parse(last.checked)) / 1000);
    node.dataset.sound = last.broken === null;
    say(verdict, last.broken === null
      ? `✓ Sound: the chain of ${several(last.entries, "entry", "entries")} holds and every rule was kept, as replayed ${ago} ago`
      : `✗ BROKEN: ${last.broken}`);
  };
  const load = loader(`/page/ledger/${encodeURIComponent(view.population)}`, (data, wanted) => data.entries >= wanted.entries, (data) => {
    if (data.error) return;
    last = data;
    say(head, `Head ${data.head}`);
    say(count, data.entries > data.newest.length ? `The newest ${data.newest.length} of ${several(data.entries, "entry", "entries")}.` : "");
    rows.show(data.newest.map((entry) => [entry.index, [
      String(entry.index),
      entry.record,
      entry.task === null ? "" : (names()[entry.task] ?? short(entry.task)),
      entry.round === null ? "" : String(entry.round),
      entry.model === null ? (entry.detail ?? "") : `model ${short(entry.model)}`,
      short(entry.digest),
    ]]));
    tick();
  });
  return { node, load, tick };
}
