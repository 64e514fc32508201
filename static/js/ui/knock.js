/** The two answers to somebody at the door. */

import { make } from "./dom.js";

/** Whoever asks again under another name is shown anew. @param {{id: string, name: string}} knock @returns {string} */
export function keyOf({ id, name }) {
  return `${id} ${name}`;
}

/**
 * @param {{id: string, name: string}} knock
 * @param {import("../session.js").Session} session
 * @returns {HTMLButtonElement[]}
 */
export function answerButtons({ id, name }, session) {
  const admit = make("button", "button primary small", "Let in");
  const decline = make("button", "button small", "Decline");
  admit.type = decline.type = "button";
  admit.setAttribute("aria-label", `Let ${name} in`);
  decline.setAttribute("aria-label", `Decline ${name}`);
  admit.addEventListener("click", () => session.admit(id));
  decline.addEventListener("click", () => session.decline(id));
  return [admit, decline];
}
