// What was refused, by reason, and how the coordinator itself is.

import { now } from "./connection.js";
import { element, facts, say, table } from "./elements.js";
import { duration, moment, plain, several } from "./words.js";

export function refusals() {
  const body = document.querySelector("#refusals > .body");
  const words = element("p", { class: "quiet" });
  const rows = table("Rejections by reason", [["reason", ""], ["requests", "right"]]);
  body.append(words, rows.node);
  return (state) => {
    const { since, counts, leaves_devices_out: leavesOut } = state.refusals;
    const all = Object.entries(counts);
    const total = all.reduce((sum, [, count]) => sum + count, 0);
    rows.node.hidden = all.length === 0;
    rows.show(all.map(([reason, count]) => [reason, [plain(reason), count.toLocaleString("en")]]));
    const told = total === 0 ? "No request was refused" : `${several(total, "request")} refused`;
    say(words, `${told} since ${moment(since)}. ` + (leavesOut
      ? "Where a task’s cohorts are secret, or were, only strangers and outdated devices are counted: what a device is refused could tell that it was in a cohort."
      : ""));
  };
}

export function health() {
  const list = facts();
  document.querySelector("#health > .body").append(list.node);
  let state = null;
  const show = () => {
    if (!state) return;
    const waiting = state.tasks.filter((task) => task.state === "waiting").length;
    const failed = state.tasks.filter((task) => task.state === "failed").length;
    const behind = state.populations.filter((population) => population.behind);
    list.show([
      ["Answers since", `${moment(state.since)}, for ${duration((now() - Date.parse(state.since)) / 1000)}`],
      ["Version", `murmur-server ${state.version}`],
      ["Tasks", `${several(state.tasks.length, "task")}: ${state.tasks.filter((task) => task.state === "running").length} running, ${waiting} waiting, ${failed} failed`],
      ["Ledgers", behind.length === 0 ? "none is behind the models that are there" : `behind: ${behind.map((one) => one.population).join(", ")}`],
      ["Last told", moment(now())],
    ]);
  };
  setInterval(show, 1000);
  return (told) => {
    state = told;
    show();
  };
}
