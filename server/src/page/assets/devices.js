// Who was ever enrolled. Whether a device takes part in a round stands nowhere.

import { loader } from "./connection.js";
import { element, say, section, table } from "./elements.js";
import { moment, several } from "./words.js";

export function devices() {
  const show = section("devices", "No device was ever enrolled: murmur-server device token makes tokens.");
  let wanted = null;
  let shown = null;
  const draw = () => {
    const items = shown && wanted.enrolled > 0 ? [shown] : [];
    show(items, () => "all", create, (part, data) => part.update(data));
  };
  const sum = (data, key) => Object.values(data.populations).reduce((sum, one) => sum + one[key], 0);
  // Whoever was revoked was enrolled before.
  const isRecent = (data, state) =>
    sum(data, "enrolled") + sum(data, "revoked") >= state.enrolled && sum(data, "revoked") >= state.revoked;
  const load = loader("/page/devices", isRecent, (data) => {
    if (data.error) return;
    shown = data;
    draw();
  });
  return (state) => {
    wanted = state.devices;
    load(state.devices);
    draw();
  };
}

function create() {
  const counts = table("Devices by population", [["population", ""], ["enrolled", "right"], ["revoked", "right"]]);
  const list = table("Devices", [["device", "digest"], ["population", ""], ["enrolled since", ""], ["revoked", ""]]);
  const label = element("summary");
  const node = element("div", {}, counts.node, element("details", {}, label, list.node));
  const update = (data) => {
    const populations = Object.entries(data.populations);
    counts.show(populations.map(([name, one]) => [name, [name, ...[one.enrolled, one.revoked].map((count) => count.toLocaleString("en"))]]));
    const all = populations.reduce((sum, [, one]) => sum + one.enrolled + one.revoked, 0);
    say(label, all > data.newest.length ? `The ${data.newest.length} enrolled last, of ${several(all, "device")}` : `All ${several(all, "device")}`);
    list.show(data.newest.map((one) => [one.device,
      [one.device, one.population, moment(one.since), one.revoked === null ? "" : moment(one.revoked)]]));
  };
  return { node, update };
}
