/** What comes to the person by itself: people at the door, short notices, and words for screen readers. */

import { byId, icon, keepFocus, make, reconcile } from "./dom.js";
import { answerButtons, keyOf } from "./knock.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../state.js").State} State */

const STAY_MS = 6000;
const MOST = 3; // toasts at a time

export class Notices {
  #toasts = byId("toasts", HTMLElement);
  #knocks = byId("knocks", HTMLElement);
  #polite = byId("polite", HTMLElement);
  #urgent = byId("urgent", HTMLElement);
  #session;
  /** @type {Map<string, HTMLElement>} */
  #cards = new Map();

  /** @param {Session} session */
  constructor(session) {
    this.#session = session;
  }

  /** @param {State} state @param {"chat" | "people" | null} panel the open one: what it shows is not shown twice */
  draw({ view, waiting }, panel) {
    if (panel === "chat") this.clear("chat");
    if (view === "ended") this.#toasts.replaceChildren();
    const knocks = view === "room" && panel !== "people" ? waiting : [];
    keepFocus(this.#knocks, byId("room-title", HTMLElement), () => {
      reconcile(this.#knocks, this.#cards, knocks, keyOf, (knock) => this.#card(knock), () => {});
    });
  }

  /**
   * Shows and says something that needs no answer.
   * @param {string} text
   * @param {{urgent?: boolean, kind?: "chat" | ""}} [how] kind: what `clear` takes away together
   */
  tell(text, { urgent = false, kind = "" } = {}) {
    this.announce(text, urgent);
    for (const known of [...this.#toasts.children]) if (known.firstElementChild?.textContent === text) known.remove();
    const close = make("button", "icon-button", icon("close"));
    close.type = "button";
    close.setAttribute("aria-label", "Close this notice");
    // What is read aloud comes from the live region: read twice it would be noise.
    const toast = make("div", "toast", make("p", "", text), close);
    toast.dataset.kind = kind;
    close.addEventListener("click", () => toast.remove());
    while (this.#toasts.childElementCount >= MOST) this.#toasts.firstElementChild?.remove();
    this.#toasts.append(toast);
    const fade = () => {
      // What comes while nobody looks stays until somebody does.
      if (document.hidden || toast.matches(":hover, :focus-within")) setTimeout(fade, STAY_MS / 2);
      else toast.remove();
    };
    setTimeout(fade, STAY_MS);
  }

  /** What is seen elsewhere by now. @param {"chat"} kind */
  clear(kind) {
    for (const toast of this.#toasts.querySelectorAll(`[data-kind="${kind}"]`)) toast.remove();
  }

  /** Says something to those who listen to the page. @param {string} text @param {boolean} [urgent] */
  announce(text, urgent = false) {
    const region = urgent ? this.#urgent : this.#polite;
    const words = make("p", "", text);
    region.append(words); // a new element each time: the same words again are said again
    setTimeout(() => words.remove(), STAY_MS);
  }

  /** @param {{id: string, name: string}} knock */
  #card({ id, name }) {
    const words = make("p", "", make("strong", "", name), " is waiting to be let in");
    const card = make("div", "knock", words, make("div", "knock-actions", ...answerButtons({ id, name }, this.#session)));
    card.tabIndex = -1;
    card.setAttribute("role", "group");
    card.setAttribute("aria-label", `${name} is waiting`);
    return card;
  }
}
