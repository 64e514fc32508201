/** The chat: what was said, and what waits to be. */

/** @typedef {import("./state.js").ChatLine} ChatLine */

export class Conversation {
  #store;
  #signalling;

  /** @param {import("./state.js").Store} store @param {import("./signalling.js").Signalling} signalling */
  constructor(store, signalling) {
    this.#store = store;
    this.#signalling = signalling;
  }

  /** @param {string} text waits for the connection where there is none */
  say(text) {
    this.#store.update({ outbox: [...this.#store.state.outbox, text] });
    // Before that, all that is in the outbox is about to be said.
    if (this.#signalling.settled) this.#signalling.send({ type: "chat", text });
  }

  /** What is in the outbox has not come back with the lines that we missed: it never reached the server. */
  sayAgain() {
    if (this.#store.state.view !== "room") return; // kept until we are let in
    for (const text of this.#store.state.outbox) this.#signalling.send({ type: "chat", text });
  }

  /** The server did not take the oldest. */
  drop() {
    this.#store.update({ outbox: this.#store.state.outbox.slice(1) });
  }

  /** @param {import("./protocol.js").Chat} message @returns {ChatLine | null} null: repeated after a resume */
  hear({ id, participant, name, text, at }) {
    const { chat, me, outbox } = this.#store.state;
    if (chat.some((line) => line.id === id)) return null;
    const own = participant === me?.id;
    const line = { id, name, own, text, at };
    const sent = own ? outbox.indexOf(text) : -1;
    this.#store.update({
      chat: [...chat, line].sort((a, b) => a.id - b.id),
      outbox: outbox.filter((_, index) => index !== sent),
    });
    return line;
  }
}
