/** The panel with everybody: who waits, who is in, and what a host can do about it. */

import { conditionWords, waited, wayWords } from "../words.js";
import { byId, changeIcon, find, hue, icon, initials, keepFocus, make, reconcile, setText } from "./dom.js";
import { answerButtons, keyOf } from "./knock.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../state.js").State} State */
/** @typedef {import("../door.js").Knock} Knock */
/** @typedef {import("../state.js").Participant} Participant */

const CLOCK_MS = 15_000; // how often the waiting times are drawn anew

export class People {
  #session;
  #actions;
  /** @type {Map<string, HTMLLIElement>} */
  #inside = new Map();
  /** @type {Map<string, HTMLLIElement>} */
  #waiting = new Map();
  #lock = byId("people-lock", HTMLInputElement);
  /** @type {State | null} */
  #state = null;

  /**
   * @param {Session} session
   * @param {{copyLink: () => void, remove: (id: string, name: string) => void}} actions
   */
  constructor(session, actions) {
    this.#session = session;
    this.#actions = actions;
    byId("people-copy", HTMLButtonElement).addEventListener("click", actions.copyLink);
    this.#lock.addEventListener("change", () => session.lock(this.#lock.checked));
    setInterval(() => this.#state?.waiting.length && this.draw(this.#state, true), CLOCK_MS);
  }

  /** @param {State} state @param {boolean} open */
  draw(state, open) {
    this.#state = open ? state : null;
    if (!open && state.view === "room") return; // elsewhere nobody is left in the lists, though nobody looks
    const { me, participants, waiting, locked } = state;
    const host = me?.role === "host";
    byId("people-host", HTMLElement).hidden = !host;
    if (!me?.guestLink) byId("people-link", HTMLInputElement).value = "";
    byId("people-copy", HTMLElement).hidden = !me?.guestLink;
    this.#lock.checked = state.locking ?? locked;
    setText(byId("people-inside-title", HTMLElement), `In the session (${participants.length})`);
    setText(byId("people-waiting-title", HTMLElement), `Waiting (${waiting.length})`);
    const list = byId("people-waiting-list", HTMLElement);
    keepFocus(list, byId("people-title", HTMLElement), () => {
      byId("people-waiting", HTMLElement).hidden = waiting.length === 0;
      reconcile(list, this.#waiting, waiting, keyOf, (knock) => this.#knocker(knock), drawKnocker);
    });
    reconcile(
      byId("people-list", HTMLElement),
      this.#inside,
      participants,
      ({ id }) => id,
      (person) => this.#person(person, host && person.id !== me?.id),
      (item, person) => drawPerson(item, person, person.id === me?.id, state.conditions),
    );
  }

  /** @param {Knock} knock */
  #knocker({ id, name }) {
    const who = make("div", "person-name", make("span", "", name), make("small"));
    const answers = make("div", "person-actions", ...answerButtons({ id, name }, this.#session));
    const item = make("li", "person", avatar(id, name), who, answers);
    item.tabIndex = -1;
    return item;
  }

  /** @param {Participant} person @param {boolean} manageable */
  #person({ id, name }, manageable) {
    const who = make("div", "person-name", make("span"), make("small"));
    const ways = make("small", "person-ways");
    const item = make("li", "person", avatar(id, name), who, make("div", "person-state"), ways);
    if (!manageable) return item;
    const mute = make("button", "icon-button", icon("microphone-off"));
    const remove = make("button", "icon-button", icon("remove"));
    mute.type = remove.type = "button";
    mute.dataset.act = "mute";
    mute.addEventListener("click", () => this.#session.mute(id));
    remove.addEventListener("click", () => this.#actions.remove(id, name));
    for (const [button, label] of /** @type {const} */ ([[mute, `Mute ${name}`], [remove, `Remove ${name}`]])) {
      button.setAttribute("aria-label", label);
      button.title = label;
    }
    ways.before(make("div", "person-actions", mute, remove));
    return item;
  }
}

/** @param {HTMLLIElement} item @param {Knock} knock */
function drawKnocker(item, { since, connected }) {
  const words = connected ? waited((performance.now() - since) / 1000) : "has lost the connection";
  setText(find(item, "small", HTMLElement), words);
}

/**
 * @param {HTMLLIElement} item
 * @param {Participant} person
 * @param {boolean} self
 * @param {State["conditions"]} conditions
 */
function drawPerson(item, person, self, conditions) {
  const { name, role, microphone, camera, kind, lostSince } = person;
  const condition = conditions.get(person.id);
  setText(find(item, ".person-name span", HTMLElement), self ? `${name} (you)` : name);
  const part = { page: "", sender: "A device or program that only sends", viewer: "Only watches and listens" }[kind];
  const facts = [
    role === "host" ? "Host" : "",
    part,
    condition?.sound_only ? "Sound only" : "",
    connectionWords(person, conditions),
  ];
  setText(find(item, "small", HTMLElement), facts.filter(Boolean).join(" · "));
  const state = find(item, ".person-state", HTMLElement);
  const known = lostSince === null && person.connection !== "connecting";
  const key = known ? `${microphone} ${camera}` : "";
  if (state.dataset.key !== key) {
    state.dataset.key = key;
    const switches = [
      ...fact(microphone ? "microphone" : "microphone-off", `Microphone ${microphone ? "on" : "off"}`),
      ...fact(camera ? "camera" : "camera-off", `Camera ${camera ? "on" : "off"}`),
    ];
    state.replaceChildren(...(known ? switches : [])); // of whom nothing arrives, nothing is known to be off
  }
  drawWays(find(item, ".person-ways", HTMLElement), condition);
  const mute = item.querySelector('[data-act="mute"]');
  if (mute instanceof HTMLButtonElement) mute.disabled = !microphone;
}

/** @param {Participant} person @param {State["conditions"]} conditions */
function connectionWords(person, conditions) {
  if (person.lostSince !== null) return "Reconnecting…";
  if (person.connection === "connecting") return "Connecting…";
  const condition = conditions.get(person.id);
  if (!condition) return "";
  // Where both ways are told apart, theirs need no second mention.
  const known = condition.uplink && condition.cause.startsWith("their-");
  return conditionWords(known ? { ...condition, cause: "none" } : condition);
}

/**
 * Both ways apart, as hosts are told them: a sign, and the same in words.
 * @param {HTMLElement} home
 * @param {import("../protocol.js").Condition | undefined} condition
 */
function drawWays(home, condition) {
  for (const way of /** @type {const} */ (["uplink", "downlink"])) {
    const grade = condition?.[way];
    const known = home.querySelector(`[data-way="${way}"]`);
    if (!grade) {
      known?.remove();
      continue;
    }
    const element = known ?? make("span", "person-way", icon("signal-good"), make("span"));
    if (!known) {
      element.setAttribute("data-way", way);
      home.append(element);
    }
    changeIcon(element, `signal-${grade}`);
    setText(find(element, "span", HTMLElement), wayWords(way, grade));
  }
}

/** @param {string} symbol @param {string} label */
function fact(symbol, label) {
  return [icon(symbol), make("span", "sr-only", `${label}. `)];
}

/** @param {string} id @param {string} name */
function avatar(id, name) {
  const element = make("span", `avatar small ${hue(id)}`, make("span", "", initials(name)));
  element.setAttribute("aria-hidden", "true");
  return element;
}
