// What is learnt: how every task stands, the round that is open, what is promised, and the models to be had.

import { relation } from "./budget.js";
import { chart } from "./chart.js";
import { loader, now } from "./connection.js";
import { element, facts, say, section, table } from "./elements.js";
import { bytes, duration, left, moment, number, plain, probability, several, short, spent } from "./words.js";

/** Least time between two announcements to whoever listens, in milliseconds. */
const ANNOUNCED = 5000;

export function tasks() {
  const show = section("tasks", "No task was created: murmur-server task create FILE does it.");
  const announcement = document.getElementById("announcement");
  let announced = 0;
  let timer;
  let shown = [];
  setInterval(() => shown.forEach((part) => part.tick()), 500);
  return (state) => {
    shown = [];
    show(state.tasks, (one) => one.task, create, (part, task) => {
      part.update(task);
      shown.push(part);
    });
    const running = state.tasks.filter((task) => !task.is_over);
    const told = (running.length > 0 ? running : state.tasks.slice(-1)).map((task) => `${task.name}: ${phase(task)}`).join(". ");
    const soon = announced + ANNOUNCED - Date.now();
    clearTimeout(timer);
    timer = setTimeout(() => {
      announced = Date.now();
      say(announcement, told);
    }, Math.max(0, soon));
  };
}

/** What happens in a task at this moment. */
function phase(task) {
  const work = task.guarantee?.candidates ? "measure" : "train";
  if (task.open_round) return `round ${task.open_round.number} is open: devices ${work} and send`;
  switch (task.state) {
    case "running": return "between two rounds: the next one opens once enough devices are about";
    case "waiting": return "it waits";
    case "paused": return "paused: no round is opened until an operator resumes it";
    case "cancelling": return "it ends after the round under way";
    case "cancelled": return "cancelled by an operator";
    case "completed": return "completed: all its rounds were paid for";
    case "budget_exhausted": return "budget exhausted: the next round would pass what is set aside, and is never opened";
    case "refused": return "refused: nothing was spent";
    case "failed": return "failed: the model of the last paid round is kept";
    default: return plain(task.state);
  }
}

function create(task) {
  const state = element("span", { class: "state" });
  const title = element("h3", {}, task.name);
  const happens = element("p", { class: "phase" });
  const since = element("p", { class: "since" });
  const reason = element("p", { class: "notice", hidden: true });
  const bar = element("progress", { "aria-label": `Rounds of ${task.name} that were paid for` });
  const rounds = element("p", { class: "rounds" });
  const cost = element("p", { class: "cost" });
  const promise = facts();
  const promised = element("details", { open: !task.is_over },
    element("summary", {}, `What ${task.name} promises, and on what that rests`), promise.node);
  const figure = chart(task.name);
  const models = released(task);
  const found = evaluated(task);
  const node = element("article", { class: "task", "aria-label": `Task ${task.name}` },
    element("header", {}, title, state), happens, since, reason, bar, rounds, cost, figure.node, found.node, promised, models.node);
  const load = loader(`/page/task/${task.task}`, (data, wanted) => data.models >= wanted.rounds_released, (data) => {
    if (data.error) return;
    figure.show(data.measured);
    models.show(data);
  });
  let current = task;
  const tick = () => {
    const open = current.open_round;
    since.hidden = !open;
    if (open) say(since, `open for ${duration((now() - Date.parse(open.opened)) / 1000)} of at most ${duration(current.window_seconds)}`);
  };
  const update = (view) => {
    current = view;
    node.dataset.state = view.state;
    node.dataset.paid = view.rounds_paid;
    say(state, plain(view.state));
    const happening = phase(view);
    say(happens, happening.charAt(0).toUpperCase() + happening.slice(1));
    reason.hidden = !view.reason;
    say(reason, view.reason ?? "");
    bar.max = view.rounds;
    bar.value = view.rounds_paid;
    say(rounds, `${view.rounds_paid} of ${several(view.rounds, "round")} paid for, ${view.rounds_released} released`);
    say(cost, price(view));
    promised.hidden = !view.guarantee;
    if (view.guarantee) promise.show(promises(view));
    found.show(view.evaluation);
    load(view);
    tick();
  };
  return { node, update, tick };
}

function price(task) {
  const guarantee = task.guarantee;
  if (!guarantee) return "It promises nothing yet: nothing is set aside for it, and nothing was spent.";
  if (guarantee.epsilon === "inf") return `NOT PRIVATE: epsilon is infinite (mechanism “${guarantee.mechanism}”)`;
  return `Epsilon ${spent(guarantee.epsilon_spent)} of ${spent(guarantee.epsilon)} spent, at delta ${probability(guarantee.delta)}`;
}

function promises(task) {
  const guarantee = task.guarantee;
  const noise = guarantee.noise_multiplier;
  const turns = ["tree", "banded", "blt"].includes(guarantee.mechanism);
  const metrics = {
    none: "none: devices measure nothing",
    private: "within the budget",
    not_private: "NOT PRIVATE: published without noise, covered by no promise",
  };
  return [
    ["Promised", guarantee.epsilon === "inf" ? "nothing" :
      `epsilon ${spent(guarantee.epsilon)} at delta ${probability(guarantee.delta)} for the whole schedule, of a budget of ${left(guarantee.budget)}`],
    ["Unit of privacy", guarantee.unit === "device" ? "one device: all its data, all its rounds" : guarantee.unit],
    ["Relation", relation(guarantee.relation)],
    ["Trust model", `An adversary ${guarantee.adversary}`],
    ["Sampling", guarantee.sampling],
    ["Enforced by", turns ? "the coordinator; who may take part when, by each device too" : "the coordinator, whose word it is"],
    ["Mechanism", noise === null || noise === undefined ? guarantee.mechanism : `${guarantee.mechanism}, noise multiplier ${noise.toFixed(4)}`],
    ["Accountant", guarantee.accountant],
    ["Metrics", metrics[guarantee.metrics] ?? guarantee.metrics],
    ["Releases", guarantee.candidates ? `these metrics, of ${several(guarantee.candidates, "candidate")}, and nothing else: no model is trained or changed` : null],
    ["On devices", guarantee.local ? `each randomises its own update (${guarantee.local.mechanism}), up to ${several(guarantee.local.participations, "time")}` : null],
    ["Starts from", guarantee.starts_from ?
      `${guarantee.starts_from.file} (SHA-256 ${guarantee.starts_from.sha256}): nothing is promised about the data that it was trained on` : null],
    ["Devices", task.devices === null ? null : `priced for n = ${several(task.devices, "enrolled device")}`],
    ["Counts of rounds", task.secret_cohorts ? "secret: the promise rests on nobody knowing who took part, and none is shown" : "none is shown"],
    ["Noise", guarantee.provenance === "simulated" ? "SIMULATED: it is seeded, and protects nobody" : null],
    ["Created", moment(task.created)],
    ["Task", task.task],
  ];
}

/** What an evaluation found of its candidates. */
function evaluated(task) {
  const rows = table(`Candidates of ${task.name}`, [["candidate", ""], ["accuracy", "right"], ["noise (sd)", "right"], ["loss", "right"], ["noise (sd)", "right"]]);
  const about = element("p");
  const node = element("div", { class: "candidates", hidden: true }, about, rows.node);
  const deviation = (value, text) => (value === null ? "not told" : `± ${text(value)}`);
  const show = (evaluation) => {
    node.hidden = !evaluation;
    if (!evaluation) return;
    say(about, `Measured on the devices' own held-out examples, about ${Math.round(evaluation.reports)} times in ${several(evaluation.rounds, "round")}, noised within the budget.`);
    rows.show(evaluation.candidates.map((one) => [one.name, [
      one.name,
      `${(100 * one.accuracy).toFixed(2)} %`,
      deviation(one.accuracy_deviation, (value) => (100 * value).toFixed(2)),
      one.loss.toFixed(4),
      deviation(one.loss_deviation, (value) => value.toFixed(4)),
    ]]));
  };
  return { node, show };
}

function average(kind) {
  return kind.kind === "ema" ? `average with decay ${kind.decay}` : `average of the last ${kind.rounds}`;
}

function released(task) {
  const count = element("summary", {}, "Models");
  const rows = table(`Models of ${task.name}`, [["round", "right"], ["SHA-256", "digest"], ["size", "right"], ["paid by entry", "right"], ["file", ""]]);
  const averaged = element("p", { hidden: true });
  const node = element("details", { class: "models", hidden: true }, count, averaged, rows.node);
  const link = (path, label, text) => element("a", { href: path, download: true, "aria-label": label }, text);
  const show = (data) => {
    node.hidden = data.models === 0;
    say(count, data.models > data.newest.length
      ? `Models: the newest ${data.newest.length} of ${data.models}`
      : `Models: ${data.models}`);
    rows.show(data.newest.map((model) => [model.model_sha256, [
      String(model.round),
      model.model_sha256,
      model.bytes === null ? "gone" : bytes(model.bytes),
      String(model.paid_by),
      () => link(`/page/files/model/${model.model_sha256}`, `Download the model of round ${model.round}`, "download"),
    ]]));
    averaged.hidden = !data.average;
    if (data.average) {
      if (!averaged.firstChild) averaged.append(element("span"), link(`/page/files/average/${task.task}`, `Download the average of ${task.name}`, "download"));
      say(averaged.firstChild, `The ${average(data.average.kind)}, up to round ${data.average.round}: `);
    }
  };
  return { node, show };
}
