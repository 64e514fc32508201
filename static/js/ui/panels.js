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
      const panel = panelOf(name);
      find(panel, "[data-close]", HTMLButtonElement).addEventListener("click", () => this.close());
      panel.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || event.isComposing) return;
        event.stopPropagation();
        this.close();
      });
    }
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
    this.open = null;
    panel.hidden = true;
    if (inside) byId(`bar-${name}`, HTMLElement).focus();
    this.#redraw();
  }

  /** @param {State} state */
  draw(state) {
    if (this.open) document.body.dataset.panel = this.open;
    else delete document.body.dataset.panel;
    if (state.view !== "room") {
      if (this.open) panelOf(this.open).hidden = true;
      this.open = null;
    }
    this.#chat.draw(state, this.open === "chat");
    this.#people.draw(state, this.open === "people");
  }
}

/** @param {Name} name */
function panelOf(name) {
  return byId(`${name}-panel`, HTMLElement);
}
