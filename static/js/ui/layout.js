/**
 * Where the tiles of a stage go: pure arithmetic, in CSS pixels.
 *
 * One other person fills the stage, with one's own picture in a corner. More people share a grid, one's own picture
 * among them. A shared screen, or whatever is pinned, takes the stage, and the others stand beside or below it.
 */

/** @typedef {{x: number, y: number, width: number, height: number}} Rect */
/** @typedef {{width: number, height: number}} Size */
/** @typedef {import("./tile.js").TileLook["kind"]} Kind */

const GAP = 10;
const WIDEST = 16 / 9;
const NARROWEST = 2 / 3;
const STRIP_SHARE = 0.2; // of the stage's longer side
const STRIP_MIN = 96;
const STRIP_MAX = 240;
const CORNER_SHARE = 0.24; // of the stage's shorter side, for one's own picture
const CORNER_MIN = 84;
const CORNER_MAX = 168;

/**
 * @param {Size} stage
 * @param {{large: Kind | null, others: number, self: boolean}} content
 * @returns {{large: Rect | null, others: Rect[], self: Rect | null}}
 */
export function arrange(stage, { large, others, self }) {
  if (large) return beside(stage, large, others + Number(self), self);
  if (others === 0) return { large: null, others: [], self: self ? corner(stage, whole(stage)) : null };
  if (others === 1) {
    const [person] = grid(whole(stage), 1);
    return { large: null, others: [person], self: self ? corner(stage, person) : null };
  }
  const cells = grid(whole(stage), others + Number(self));
  return { large: null, others: cells.slice(0, others), self: self ? cells[others] : null };
}

/**
 * @param {Size} stage
 * @param {Kind} large
 * @param {number} count of tiles in the strip
 * @param {boolean} self whether the last one is ours
 */
function beside(stage, large, count, self) {
  if (count === 0) return { large: whole(stage), others: [], self: null };
  const wide = stage.width >= stage.height;
  const strip = clamp(Math.max(stage.width, stage.height) * STRIP_SHARE, STRIP_MIN, STRIP_MAX);
  const main = wide
    ? { x: 0, y: 0, width: stage.width - strip - GAP, height: stage.height }
    : { x: 0, y: 0, width: stage.width, height: stage.height - strip - GAP };
  const rest = wide
    ? { x: main.width + GAP, y: 0, width: strip, height: stage.height }
    : { x: 0, y: main.height + GAP, width: stage.width, height: strip };
  const cells = grid(rest, count);
  return {
    large: large === "screen" ? main : grid(main, 1)[0],
    others: self ? cells.slice(0, -1) : cells,
    self: self ? cells[count - 1] : null,
  };
}

/**
 * Equal cells that fill the area best, centred, with the last row centred too.
 * @param {Rect} area
 * @param {number} count at least 1
 * @returns {Rect[]}
 */
export function grid(area, count) {
  let best = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const cell = fit(area, columns, Math.ceil(count / columns));
    if (cell.width * cell.height > best.width * best.height) best = { columns, ...cell };
  }
  const { columns, width, height } = best;
  const rows = Math.ceil(count / columns);
  const top = area.y + (area.height - rows * height - (rows - 1) * GAP) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = row < rows - 1 ? columns : count - columns * (rows - 1);
    const left = area.x + (area.width - inRow * width - (inRow - 1) * GAP) / 2;
    return { x: left + (index % columns) * (width + GAP), y: top + row * (height + GAP), width, height };
  });
}

/** @param {Rect} area @param {number} columns @param {number} rows @returns {Size} */
function fit(area, columns, rows) {
  const width = Math.max(0, (area.width - (columns - 1) * GAP) / columns);
  const height = Math.max(0, (area.height - (rows - 1) * GAP) / rows);
  return { width: Math.min(width, height * WIDEST), height: Math.min(height, width / NARROWEST) };
}

/** @param {Size} stage @param {Rect} person @returns {Rect} at the lower right of the other person's tile */
function corner(stage, person) {
  const short = clamp(Math.min(stage.width, stage.height) * CORNER_SHARE, CORNER_MIN, CORNER_MAX);
  const wide = stage.width >= stage.height;
  const size = wide ? { width: (short * 4) / 3, height: short } : { width: short, height: (short * 4) / 3 };
  return {
    x: person.x + person.width - size.width - GAP,
    y: person.y + person.height - size.height - GAP,
    ...size,
  };
}

/** @param {Size} stage @returns {Rect} */
function whole({ width, height }) {
  return { x: 0, y: 0, width, height };
}

/** @param {number} value @param {number} low @param {number} high */
function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
