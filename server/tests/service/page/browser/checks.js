// What a reader could stumble over, found in the page as it is drawn.
(() => {
  const visible = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const name = (node) => `${node.parentElement.tagName.toLowerCase()} “${node.textContent.trim().slice(0, 40)}”`;

  // Pieces of text, cut off where a box that scrolls cuts them off.
  const pieces = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.textContent.trim() || !visible(parent) || parent.closest("script, noscript, .unseen, .skip")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      let { left, right, top, bottom } = rect;
      for (let box = parent; box && box !== document.body; box = box.parentElement) {
        if (getComputedStyle(box).overflowX === "visible" || box instanceof SVGElement) continue;
        const edge = box.getBoundingClientRect();
        [left, right] = [Math.max(left, edge.left), Math.min(right, edge.right)];
        [top, bottom] = [Math.max(top, edge.top), Math.min(bottom, edge.bottom)];
      }
      if (right - left > 1 && bottom - top > 1) pieces.push({ node, left, right, top, bottom });
    }
  }
  const overlaps = [];
  pieces.forEach((one, place) => pieces.slice(place + 1).forEach((other) => {
    if (one.node === other.node) return;
    const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
    const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
    if (across > 2 && down > 3) overlaps.push(`${name(one.node)} and ${name(other.node)}`);
  }));

  // Text that differs too little from what is behind it (WCAG 2.2, 1.4.3).
  const parse = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = (color) => {
    const linear = parse(color).slice(0, 3).map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const behind = (element) => {
    for (let box = element; box; box = box.parentElement) {
      const color = getComputedStyle(box).backgroundColor;
      if ((parse(color)[3] ?? 1) === 1) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = [];
  for (const { node } of pieces) {
    const element = node.parentElement;
    const style = getComputedStyle(element);
    const front = element instanceof SVGElement ? style.fill : style.color;
    const [one, other] = [luminance(front), luminance(behind(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) faint.push(`${name(node)}: ${contrast.toFixed(2)}`);
  }

  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((heading) => Number(heading.tagName[1]));
  const skipped = headings.filter((level, place) => place > 0 && level > headings[place - 1] + 1);
  const nameless = [...document.querySelectorAll("a, summary, [role=region], [role=img], progress")]
    .filter((element) => visible(element) && !(element.getAttribute("aria-label") || element.textContent.trim()))
    .map((element) => element.outerHTML.slice(0, 80));
  return {
    pieces: pieces.length,
    too_wide: document.scrollingElement.scrollWidth - innerWidth,
    overlaps,
    faint,
    skipped,
    nameless,
    background: getComputedStyle(document.body).backgroundColor,
  };
})()
