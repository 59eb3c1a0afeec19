// How numbers, moments and names are said.

const DIGITS = 4;

/** An epsilon as a number; infinite where nothing is promised. */
export function number(epsilon) {
  return epsilon === "inf" ? Infinity : epsilon;
}

function fixed(value, round) {
  if (!Number.isFinite(value)) return "infinite";
  const scale = 10 ** DIGITS;
  // A number that has so many digits stays itself.
  const near = Math.round(value * scale);
  const whole = Math.abs(value * scale - near) < 1e-6 ? near : round(value * scale);
  return String(whole / scale);
}

/** What was spent or set aside: rounded up. */
export const spent = (epsilon) => fixed(number(epsilon), Math.ceil);

/** What is left: rounded down. */
export const left = (epsilon) => fixed(number(epsilon), Math.floor);

/** A small probability, as the task file writes it. */
export function probability(value) {
  return value >= 0.01 ? String(value) : value.toExponential().replace("e-", "e−");
}

/** What an epsilon and a delta mean, in a sentence. */
export function meaning(epsilon, delta) {
  const factor = Math.exp(number(epsilon));
  if (!Number.isFinite(factor)) return "Nothing is promised about anybody.";
  const times = factor >= 1e6 ? factor.toExponential(1).replace("e+", "e") : factor >= 100 ? factor.toFixed(0) : factor.toFixed(1);
  return `Whatever is seen of all tasks together is at most ${times} times as likely with one device’s data as without it, give or take a probability of ${probability(delta)}.`;
}

/** Bytes, in decimal units. */
export function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}

/** So many seconds, as a clock shows them. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A moment in the reader's own time, to the second. */
export function moment(text) {
  return new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** The beginning of a digest. */
export const short = (digest) => digest.slice(0, 12);

/** A word of the protocol as people read it. */
export const plain = (word) => word.toLowerCase().replaceAll("_", " ");

/** So many things. */
export const several = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
