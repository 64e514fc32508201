/** The pill that says what is wrong with the connection, and since when. */

import { clock, noticeWords } from "../words.js";
import { byId, setText } from "./dom.js";

/** @typedef {import("../state.js").State} State */

const PATIENCE_MS = 1200; // what heals sooner is not worth a word
const CONNECT_MS = 4000; // for sound and picture to come the first time: no word before
const BLOCKED_MS = 20_000; // for them to come, where the server itself is reached and answers
const TICK_MS = 500;

const RECONNECTING = "Reconnecting";
const CONNECTING = "Connecting sound and picture…";
const BLOCKED = "This network seems to block calls. Try mobile data or another Wi-Fi";

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
    if (state?.view !== "room") {
      byId("connection", HTMLElement).hidden = true;
      this.#said = "";
      return;
    }
    const now = performance.now();
    const { words, since, patience } = trouble(state, now);
    const shown = words !== "" && now - since > patience;
    byId("connection", HTMLElement).hidden = !shown;
    if (shown) {
      setText(byId("connection-words", HTMLElement), words);
      setText(byId("connection-clock", HTMLElement), clock((now - since) / 1000));
    }
    this.#say(shown ? words : "");
  }

  /** Once when it breaks, once when there is something to do, and once when it is back: not each second. @param {string} words */
  #say(words) {
    if (words === this.#said) return;
    const before = this.#said;
    this.#said = words;
    if (words === "") this.#announce(before === CONNECTING ? "Sound and picture are connected." : "The connection is back.");
    else if (!words.startsWith(RECONNECTING)) this.#announce(words, true);
    else if (before === "") this.#announce(`${words.replace(/…$/, "")}. The session goes on by itself.`, true);
  }
}

/** @param {State} state @param {number} now @returns {{words: string, since: number, patience: number}} */
function trouble({ downSince, media, mediaDownSince, answeredSince, refusal }, now) {
  const since = Math.min(mediaDownSince ?? Infinity, downSince ?? Infinity);
  if (since === Infinity) return { words: "", since: 0, patience: 0 };
  if (downSince === null && refusal) return { words: noticeWords(refusal.code, refusal), since, patience: PATIENCE_MS };
  if (answeredSince !== null && now - answeredSince > BLOCKED_MS) return { words: BLOCKED, since, patience: 0 };
  if (downSince === null && media === "connecting") return { words: CONNECTING, since, patience: CONNECT_MS };
  // Where sound and picture go on, only chat and comings and goings wait.
  const words = media === "connected" ? `${RECONNECTING}, you can go on talking` : `${RECONNECTING}…`;
  return { words, since, patience: PATIENCE_MS };
}
