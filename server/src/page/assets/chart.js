// Accuracy by round, as far as it was measured within the budget.

import { drawn, element, say, table } from "./elements.js";

const HEIGHT = 220;
const MARGIN = { top: 14, right: 14, bottom: 44, left: 52 };
/** Least distance between two marks of the lower axis, in pixels. */
const APART = 64;
/** Of fewer reports than this there is no mean: what is left is noise. */
const ENOUGH = 1;

/** The distance of marks that cuts a length into few steps of 1, 2 or 5 times a power of ten; never less than `least`. */
function step(length, most, least) {
  const rough = Math.max(length / Math.max(most, 1), least);
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough - 1e-9);
}

function marks(from, to, distance) {
  const first = Math.ceil(from / distance - 1e-9);
  const last = Math.floor(to / distance + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, place) => (first + place) * distance);
}

/** A figure that shows what rounds measured; nothing before any of them did. */
export function chart(name) {
  const picture = drawn("svg", { class: "chart", role: "img", height: HEIGHT });
  const caption = element("figcaption");
  const rows = table(`What the rounds of ${name} measured`, [
    ["round", "right"],
    ["accuracy, %", "right"],
    ["mean loss", "right"],
    ["n, devices", "right"],
  ]);
  const figures = element("details", {}, element("summary", {}, "The figures as a table"), rows.node);
  const node = element("figure", { hidden: true }, picture, caption, figures);
  let measured = [];
  const draw = () => {
    const width = picture.parentNode.clientWidth;
    if (width > 0 && measured.length > 0) plot(picture, width, measured, name);
  };
  new ResizeObserver(draw).observe(node);
  const show = (points) => {
    measured = points;
    node.hidden = points.length === 0;
    if (points.length === 0) return;
    const reports = points.map((point) => point.reports);
    const [few, many] = [Math.min(...reports), Math.max(...reports)].map((value) => value.toFixed(1));
    const little = reports.filter((count) => count < ENOUGH).length;
    say(caption, `What each round says about the model that it began with: the mean over n devices of their accuracy on their own examples. ` +
      `Accuracy and n are noised, within the budget; n is between ${few} and ${many} here, over ${points.length} rounds.` + (little > 0
        ? ` Where the noised n is below ${ENOUGH} (${little} of them, hollow) the accuracy is nothing but noise.` : ""));
    rows.show([...points].reverse().map((point) => [
      point.round,
      [String(point.round), (100 * point.accuracy).toFixed(1), point.loss.toFixed(4), point.reports.toFixed(1)],
    ]));
    draw();
  };
  return { node, show };
}

function plot(picture, width, points, name) {
  picture.setAttribute("width", width);
  picture.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  const [right, bottom] = [width - MARGIN.right, HEIGHT - MARGIN.bottom];
  const rounds = points.map((point) => point.round);
  const [first, last] = [Math.min(...rounds), Math.max(...rounds)];
  const across = (round) => (last === first ? (MARGIN.left + right) / 2 : MARGIN.left + ((round - first) / (last - first)) * (right - MARGIN.left));
  const up = (accuracy) => bottom - accuracy * (bottom - MARGIN.top);
  const parts = [];
  for (const percent of [0, 25, 50, 75, 100]) {
    const y = up(percent / 100);
    parts.push(drawn("line", { class: "grid", x1: MARGIN.left, x2: right, y1: y, y2: y }));
    parts.push(drawn("text", { x: MARGIN.left - 8, y: y + 4, "text-anchor": "end" }, String(percent)));
  }
  for (const round of marks(first, last, step(last - first, Math.floor((right - MARGIN.left) / APART), 1))) {
    const x = across(round);
    parts.push(drawn("line", { class: "tick", x1: x, x2: x, y1: bottom, y2: bottom + 5 }));
    parts.push(drawn("text", { x, y: bottom + 18, "text-anchor": "middle" }, String(round)));
  }
  parts.push(drawn("text", { class: "axis", x: (MARGIN.left + right) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, "round"));
  const middle = (MARGIN.top + bottom) / 2;
  parts.push(drawn("text", { class: "axis", x: 13, y: middle, "text-anchor": "middle", transform: `rotate(-90 13 ${middle})` }, "accuracy, %"));
  const line = points.filter((point) => point.reports >= ENOUGH).map((point) => `${across(point.round).toFixed(1)},${up(point.accuracy).toFixed(1)}`).join(" ");
  parts.push(drawn("polyline", { points: line }));
  if (points.length <= 80) {
    const kind = (point) => (point.reports >= ENOUGH ? null : "hollow");
    parts.push(...points.map((point) => drawn("circle", { class: kind(point), cx: across(point.round), cy: up(point.accuracy), r: 2.5 })));
  }
  const end = points[points.length - 1];
  picture.setAttribute("aria-label", `Accuracy of ${name} by round, in per cent: ${(100 * end.accuracy).toFixed(1)} in round ${end.round}`);
  picture.replaceChildren(...parts);
}
