/** Shows one view at a time: its title, and the focus at its heading, as on a page of its own. */

/** @typedef {import("../state.js").View} View */

import { byId } from "./dom.js";

/** @type {Record<View, string>} */
const TITLES = {
  landing: "Roomtone",
  preview: "Get ready – Roomtone",
  waiting: "Waiting – Roomtone",
  returning: "Coming back – Roomtone",
  room: "In session – Roomtone",
  ended: "Roomtone",
};

/** @type {View | null} */
let shown = null;

/** @param {View} view @param {number} waiting how many are at the door */
export function showView(view, waiting) {
  const title = waiting && view === "room" ? `(${waiting}) ${TITLES[view]}` : TITLES[view];
  if (document.title !== title) document.title = title;
  if (view === shown) return;
  const first = shown === null;
  shown = view;
  for (const name of Object.keys(TITLES)) byId(name, HTMLElement).hidden = name !== view;
  document.body.dataset.view = view;
  scrollTo(0, 0);
  // On the first one the browser's own start of reading is right.
  if (!first) byId(`${view}-title`, HTMLElement).focus({ preventScroll: true });
}
