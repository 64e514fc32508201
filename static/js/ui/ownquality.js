/** One's own connection in plain words, where it is not good: on the stage, and once for screen readers. */

import { Steady } from "../steady.js";
import { ownWords } from "../words.js";
import { byId, changeIcon, setText } from "./dom.js";

/** @typedef {import("../state.js").State} State */
/** @typedef {import("../protocol.js").Condition} Condition */

const HOLD_MS = 3000; // what passes sooner is not worth a word
const FAIR_MS = 20_000; // such as while the way is still being measured at the start: the sign on the tile is enough
const TICK_MS = 500;
const NARROW_PX = 360; // there, the whole words would take four lines
/** @type {Condition["quality"][]} */
const GRADES = ["good", "fair", "poor", "lost"];
const FAIR = 1;

export class OwnQuality {
  #pill = byId("own-quality", HTMLElement);
  #announce;
  /** @type {State | null} */
  #state = null;
  #grading = new Grading();
  /** @type {Map<number, import("../words.js").Note>} */
  #words = new Map(); // grade -> as last told
  #text = "";
  #since = 0; // performance.now(), of the text
  #grade = 0; // as announced
  #said = "";

  /** @param {(text: string) => void} announce */
  constructor(announce) {
    this.#announce = announce;
    setInterval(() => this.#draw(), TICK_MS);
  }

  /** @param {State} state */
  draw(state) {
    this.#state = state;
    this.#draw();
  }

  #draw() {
    const state = this.#state;
    const condition = state?.conditions.get(state.me?.id ?? "");
    // Whoever reconnects is told so elsewhere, and knows nothing new of the rest.
    if (!state || !condition || state.view !== "room" || state.downSince !== null || state.media !== "connected") {
      this.#forget();
      return;
    }
    const now = performance.now();
    const grade = GRADES.indexOf(condition.quality);
    this.#words.set(grade, ownWords(condition));
    const shown = this.#grading.look(grade, now);
    const { text, short } = this.#words.get(shown) ?? { text: "", short: "" };
    if (text !== this.#text) this.#since = now;
    this.#text = text;
    this.#pill.hidden = text === "";
    if (text) {
      setText(byId("own-quality-words", HTMLElement), innerWidth < NARROW_PX ? short : text);
      changeIcon(this.#pill, `signal-${GRADES[shown]}`);
      this.#pill.dataset.quality = GRADES[shown];
    }
    this.#say(text, shown, now);
  }

  /**
   * A new grade has lasted already; other words for the same one have to last, too.
   * @param {string} text @param {number} grade @param {number} now
   */
  #say(text, grade, now) {
    if (text === this.#said || (grade === this.#grade && now - this.#since < HOLD_MS)) return;
    this.#said = text;
    this.#grade = grade;
    this.#announce(text || "Your connection is good again.");
  }

  #forget() {
    this.#pill.hidden = true;
    this.#grading = new Grading();
    this.#words.clear();
    this.#text = this.#said = "";
    this.#grade = 0;
  }
}

/** The grade that is worth a word: poor soon, fair only when it stays. */
export class Grading {
  #steady = new Steady(HOLD_MS, 0);
  #shown = 0;
  #since = 0; // when it ceased to be good

  /** @param {number} grade index into GRADES @param {number} now milliseconds @returns {number} */
  look(grade, now) {
    const lasting = this.#steady.look(grade, now);
    if (lasting < FAIR) this.#since = now;
    if (lasting !== FAIR || this.#shown > 0 || now - this.#since >= FAIR_MS) this.#shown = lasting;
    return this.#shown;
  }
}
