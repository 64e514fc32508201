/** The pill that says what is wrong with the connection, and since when. */

import { clock } from "../words.js";
import { byId, setText } from "./dom.js";

/** @typedef {import("../state.js").State} State */

const PATIENCE_MS = 1200; // what heals sooner is not worth a word
const TICK_MS = 500;

export class ConnectionStatus {
  #announce;
  /** @type {State | null} */
  #state = null;
  #said = "";

  /** @param {(text: string, urgent?: boolean) => void} announce */
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
    const { words, since } = state?.view === "room" ? trouble(state) : { words: "", since: 0 };
    const elapsed = performance.now() - since;
    const shown = words !== "" && elapsed > PATIENCE_MS;
    byId("connection", HTMLElement).hidden = !shown;
    if (shown) {
      setText(byId("connection-words", HTMLElement), words);
      setText(byId("connection-clock", HTMLElement), clock(elapsed / 1000));
    }
    this.#say(shown ? words : "");
  }

  /** Once when it breaks and once when it is back: not each second. @param {string} words */
  #say(words) {
    if (words === this.#said) return;
    const broke = this.#said === "";
    this.#said = words;
    if (words === "") this.#announce("The connection is back.");
    else if (broke) this.#announce(`${words} The session goes on by itself.`, true);
  }
}

/** @param {State} state @returns {{words: string, since: number}} */
function trouble({ downSince, mediaDownSince }) {
  if (mediaDownSince !== null) return { words: "Reconnecting…", since: Math.min(mediaDownSince, downSince ?? Infinity) };
  // Sound and picture go on: only chat and comings and goings wait.
  if (downSince !== null) return { words: "Reconnecting, you can go on talking", since: downSince };
  return { words: "", since: 0 };
}
