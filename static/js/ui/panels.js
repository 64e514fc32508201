/** The two panels beside the stage. One at a time is open; focus goes in with it, and back when it closes. */

import { Chat } from "./chat.js";
import { byId, find } from "./dom.js";
import { People } from "./people.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../state.js").State} State */
/** @typedef {"chat" | "people"} Name */

export class Panels {
  /** @type {Name | null} */
  open = null;
  #redraw;
  #chat;
  #people;
  /** @type {{destroy(): void} | null} */
  #watcher = null;

  /**
   * @param {Session} session
   * @param {() => void} redraw
   * @param {{copyLink: () => void, remove: (id: string, name: string) => void}} actions
   */
  constructor(session, redraw, actions) {
    this.#redraw = redraw;
    this.#chat = new Chat((text) => session.say(text));
    this.#people = new People(session, actions);
    for (const name of /** @type {Name[]} */ (["chat", "people"])) {
      find(panelOf(name), "[data-close]", HTMLButtonElement).addEventListener("click", () => this.close());
    }
    // On a small screen the pills lie over the panel: what it shows begins below them (small.css).
    new ResizeObserver(([{ contentRect }]) => {
      document.body.style.setProperty("--pills", `${Math.round(contentRect.height)}px`);
    }).observe(find(document.body, ".room-top", HTMLElement));
    // No shortcut of one's choice: it closes what is open, wherever the focus is, and a dialog first.
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing && !document.querySelector("dialog[open]")) this.close();
    });
  }

  /** @returns {number} chat lines that came while the chat was closed */
  get unread() {
    return this.#chat.unread;
  }

  /** @param {Name} name */
  toggle(name) {
    if (this.open === name) {
      this.close();
      return;
    }
    if (this.open) panelOf(this.open).hidden = true;
    this.open = name;
    this.#watcher ??= watchForBack(() => this.close());
    const panel = panelOf(name);
    panel.hidden = false;
    this.#redraw();
    const target = name === "chat" ? byId("chat-text", HTMLElement) : byId("people-title", HTMLElement);
    target.focus();
  }

  close() {
    if (!this.open) return;
    const name = this.open;
    const panel = panelOf(name);
    const inside = panel.contains(document.activeElement);
    this.#hide();
    if (inside) byId(`bar-${name}`, HTMLElement).focus();
    this.#redraw();
  }

  /** @param {State} state */
  draw(state) {
    if (this.open) document.body.dataset.panel = this.open;
    else delete document.body.dataset.panel;
    if (state.view !== "room") this.#hide();
    this.#chat.draw(state, this.open === "chat");
    this.#people.draw(state, this.open === "people");
  }

  #hide() {
    if (this.open) panelOf(this.open).hidden = true;
    this.open = null;
    this.#watcher?.destroy();
    this.#watcher = null;
  }
}

/**
 * Android's Back closes what is open, where the browser can tell us, rather than leave the session.
 * @param {() => void} close
 * @returns {{destroy(): void} | null}
 */
function watchForBack(close) {
  if (!("CloseWatcher" in window)) return null;
  const { CloseWatcher } = /** @type {{CloseWatcher: new () => EventTarget & {destroy(): void}}} */ (/** @type {unknown} */ (window));
  const watcher = new CloseWatcher();
  watcher.addEventListener("close", close);
  return watcher;
}

/** @param {Name} name */
function panelOf(name) {
  return byId(`${name}-panel`, HTMLElement);
}
