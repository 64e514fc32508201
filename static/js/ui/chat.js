/** The chat panel. */

import { MAX_CHAT } from "../protocol.js";
import { byId, make } from "./dom.js";

/** @typedef {import("../state.js").State} State */
/** @typedef {import("../state.js").ChatLine} ChatLine */

const NEAR_END_PX = 60; // whoever reads further up is not pulled down by a new line
const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export class Chat {
  #list = byId("chat-lines", HTMLElement);
  #input = byId("chat-text", HTMLTextAreaElement);
  #form = byId("chat-form", HTMLFormElement);
  #drawn = "";
  #read = 0; // the newest line that was seen
  unread = 0;

  /** @param {(text: string) => void} say */
  constructor(say) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.#input.value.trim().slice(0, MAX_CHAT);
      if (!text) return;
      this.#input.value = "";
      this.#grow();
      say(text);
    });
    this.#input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    this.#input.addEventListener("input", () => this.#grow());
  }

  /** @param {State} state @param {boolean} open */
  draw({ chat, outbox, view }, open) {
    if (view === "ended") this.#input.value = "";
    if (open) this.#read = chat.at(-1)?.id ?? 0;
    this.unread = chat.filter((line) => !line.own && line.id > this.#read).length;
    if (!chat.length) this.#read = 0;
    const version = JSON.stringify([chat.length, chat.at(-1)?.id, outbox]);
    // Where the lines have gone with their session, none is left in a closed panel either.
    if ((!open && chat.length) || version === this.#drawn) return;
    this.#drawn = version;
    const { scrollTop, scrollHeight, clientHeight } = this.#list;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    const rows = chat.map((line, index) => row(line, chat[index - 1]));
    const pending = outbox.map((text) => bubble(text, "chat-line own pending", "Sending…"));
    this.#list.replaceChildren(...rows, ...pending);
    byId("chat-empty", HTMLElement).hidden = rows.length + pending.length > 0;
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  #grow() {
    const { style, offsetHeight, clientHeight } = this.#input;
    const borders = offsetHeight - clientHeight;
    style.height = "auto";
    style.height = `${this.#input.scrollHeight + borders}px`;
  }
}

/** @param {ChatLine} line @param {ChatLine | undefined} before */
function row(line, before) {
  const follows = before !== undefined && before.own === line.own && before.name === line.name && line.at - before.at < 120;
  const who = line.own ? "You" : line.name;
  const head = follows ? "" : `${who}, ${TIME.format(line.at * 1000)}`;
  return bubble(line.text, `chat-line${line.own ? " own" : ""}${follows ? " follows" : ""}`, head);
}

/** @param {string} text @param {string} className @param {string} head */
function bubble(text, className, head) {
  const item = make("li", className);
  if (head) item.append(make("span", "chat-head", head));
  item.append(make("p", "chat-text", text));
  return item;
}
