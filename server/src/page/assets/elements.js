// Building and keeping parts of the page. Text is always set as text: what comes from elsewhere is never read as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** An element of HTML. */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** An element of a drawing. */
export function drawn(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/** Sets an element's text; one that has it already is left alone, with whatever is selected in it. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Keeps the children of a node in step with a list. Those that stay keep their focus, and whatever was opened in them. */
export function keep(parent, items, keyOf, create, update) {
  const known = parent.kept ?? (parent.kept = new Map());
  const wanted = new Set(items.map(keyOf));
  for (const [key, part] of known) {
    if (!wanted.has(key)) {
      part.node.remove();
      known.delete(key);
    }
  }
  let before = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let part = known.get(key);
    if (!part) {
      part = create(item);
      known.set(key, part);
    }
    if (part.node === before) before = before.nextElementSibling;
    else parent.insertBefore(part.node, before);
    update(part, item);
  }
}

/** A list of terms with what they stand for. Shows the pairs it is given; one without a value is left out. */
export function facts() {
  const node = element("dl", { class: "facts" });
  const create = ([term]) => {
    const value = element("dd");
    return { node: element("div", {}, element("dt", {}, term), value), value };
  };
  const show = (pairs) => {
    const given = pairs.filter(([, value]) => value !== null && value !== undefined);
    keep(node, given, ([term]) => term, create, (part, [, value]) => say(part.value, value));
  };
  return { node, show };
}

/** A table that scrolls in a box of its own. `columns` are pairs of a heading and a class. */
export function table(label, columns) {
  const head = columns.map(([heading, kind]) => element("th", { scope: "col", class: kind }, heading));
  const body = element("tbody");
  const inner = element("table", {}, element("thead", {}, element("tr", {}, ...head)), body);
  const node = element("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, inner);
  const create = () => {
    const cells = columns.map(([, kind]) => element("td", { class: kind }));
    return { node: element("tr", {}, ...cells), cells };
  };
  /** Rows are pairs of a key and their cells: texts, or nodes that are made once. */
  const show = (rows) =>
    keep(body, rows, ([key]) => key, create, (part, [, cells]) => {
      cells.forEach((cell, place) => {
        if (typeof cell === "function") {
          if (!part.cells[place].firstChild) part.cells[place].append(cell());
        } else say(part.cells[place], cell);
      });
    });
  return { node, show };
}

/** A section of the page that shows one part for each of several items, or says that there are none. */
export function section(id, none) {
  const body = document.querySelector(`#${id} > .body`);
  const empty = element("p", { class: "quiet" }, none);
  const parts = element("div", { class: "parts" });
  body.append(empty, parts);
  return (items, keyOf, create, update) => {
    empty.hidden = items.length > 0;
    keep(parts, items, keyOf, create, update);
  };
}
