/** Tells a speaker at once that they were not heard, so that they can say it again. */

import { missedWords } from "../words.js";
import { byId, setText } from "./dom.js";

const STAY_MS = 4000; // after the last such report: long enough to be read
const LEAST = 0.4; // seconds: less takes no word away

export class Missed {
  #announce;
  /** @type {number | undefined} */
  #timer;
  #told = -Infinity;
  /** @type {object | null} */
  #last = null;

  /** @param {(text: string) => void} announce */
  constructor(announce) {
    this.#announce = announce;
  }

  /** @param {import("../state.js").State} state */
  draw({ view, missed, participants }) {
    const pill = byId("missed", HTMLElement);
    if (view !== "room") {
      pill.hidden = true;
      setText(byId("missed-words", HTMLElement), "");
    }
    if (missed === this.#last) return;
    this.#last = missed;
    if (missed.seconds < LEAST || view !== "room") return;
    const names = missed.by.map((id) => participants.find((person) => person.id === id)?.name ?? "");
    const text = missedWords(missed.seconds, names.filter(Boolean));
    setText(byId("missed-words", HTMLElement), text);
    pill.hidden = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (pill.hidden = true), STAY_MS);
    if (performance.now() - this.#told < STAY_MS) return; // a screen reader need not count along
    this.#told = performance.now();
    this.#announce(text);
  }
}
