/** What the page knows; the views draw it and never change it. */

/** @typedef {Omit<import("./protocol.js").Participant, "lost"> & {lostSince: number | null}} Participant lostSince: out of reach since then (performance.now()) */
/** @typedef {import("./protocol.js").Role} Role */
/** @typedef {"landing" | "preview" | "waiting" | "returning" | "room" | "ended"} View */
/** @typedef {{id: string, name: string, role: Role, may: string[], guestLink: string | null}} Me */
/** @typedef {{id: number, name: string, own: boolean, text: string, at: number}} ChatLine */
/** @typedef {{code: string, message: string}} Failure code for words.js; message: the server's words, for codes it lacks */

/**
 * @typedef {object} State
 * @property {View} view
 * @property {import("./link.js").Link | null} link
 * @property {boolean} joining hello was said, or is about to be
 * @property {Failure | null} failure why the person is not, or no longer, in the room
 * @property {Me | null} me
 * @property {number | null} downSince signalling is lost since then (performance.now())
 * @property {import("./connection.js").MediaState} media
 * @property {number | null} mediaDownSince sound and picture are meant to be connected, and are not, since then
 * @property {number | null} answeredSince the server answers for sound and picture, and still they do not come, since then
 * @property {Failure | null} refusal why it does not answer
 * @property {boolean} locked
 * @property {boolean | null} locking asked for by us, and not yet so
 * @property {boolean} hostPresent
 * @property {Participant[]} participants everybody in the room, me too
 * @property {import("./door.js").Knock[]} waiting
 * @property {import("./protocol.js").Seat[]} seats
 * @property {Map<string, import("./protocol.js").Condition>} conditions by participant
 * @property {{seconds: number, by: string[]}} missed of our speech, by the ids of who missed it
 * @property {string[]} speaking ids, loudest first
 * @property {ChatLine[]} chat
 * @property {string[]} outbox chat texts that the server has not confirmed yet
 * @property {boolean} soundBlocked
 */

/** @returns {State} */
export function initialState() {
  return {
    view: "landing",
    link: null,
    joining: false,
    failure: null,
    me: null,
    downSince: null,
    media: "new",
    mediaDownSince: null,
    answeredSince: null,
    refusal: null,
    ...emptyRoom(),
    chat: [],
    outbox: [],
    soundBlocked: false,
  };
}

/** @returns {Pick<State, "locked" | "locking" | "hostPresent" | "participants" | "waiting" | "seats" | "speaking" | "conditions" | "missed">} */
export function emptyRoom() {
  return {
    locked: false,
    locking: null,
    hostPresent: false,
    participants: [],
    waiting: [],
    seats: [],
    speaking: [],
    conditions: new Map(),
    missed: { seconds: 0, by: [] },
  };
}

/**
 * @param {State} state @param {import("./protocol.js").RoomState} room as the server says @param {number} now performance.now()
 * @returns {Pick<State, "locked" | "locking" | "hostPresent" | "participants">}
 */
export function withRoom({ locking }, { locked, host_present, participants }, now) {
  return {
    locked,
    locking: locking === locked ? null : locking,
    hostPresent: host_present,
    participants: participants.map(({ lost, ...person }) => ({ ...person, lostSince: lost === null ? null : now - lost * 1000 })),
  };
}

/**
 * @typedef {{id: string, name: string}[]} People
 * @param {People} before @param {People} after @returns {{came: string[], gone: string[]}} their names
 */
export function comings(before, after) {
  /** @param {People} some @param {People} others */
  const without = (some, others) => some.filter(({ id }) => !others.some((other) => other.id === id)).map(({ name }) => name);
  return { came: without(after, before), gone: without(before, after) };
}

/** Those whom one may see and hear: not oneself, nor who only watches. @param {State} state @returns {Participant[]} */
export function others({ participants, me }) {
  return participants.filter(({ id, kind }) => id !== me?.id && kind !== "viewer");
}

/** @param {State} state @param {string} permission */
export function allowed({ me }, permission) {
  return me?.may.includes(permission) ?? false;
}

export class Store {
  #state = initialState();
  /** @type {Set<(state: State) => void>} */
  #listeners = new Set();
  #due = false;

  get state() {
    return this.#state;
  }

  /** @param {Partial<State>} patch */
  update(patch) {
    this.#state = { ...this.#state, ...patch };
    this.touch();
  }

  /** Draws anew, once for all changes of this turn of the event loop. */
  touch() {
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => {
      this.#due = false;
      for (const listener of this.#listeners) listener(this.#state);
    });
  }

  /** @param {(state: State) => void} listener called after each change */
  subscribe(listener) {
    this.#listeners.add(listener);
  }
}
