/** Who waits at the door, as a host sees it. */

/** @typedef {{id: string, name: string, since: number, connected: boolean}} Knock since: as of performance.now() */

export class Door {
  /** @type {Knock[]} */
  #knocks = [];
  /** @type {Set<string>} */
  #answered = new Set();

  /** Whoever was answered is gone at once, so that nobody presses twice. */
  get waiting() {
    return this.#knocks.filter(({ id }) => !this.#answered.has(id));
  }

  /**
   * @param {import("./protocol.js").Waiting[]} waiting as the server says
   * @param {number} now performance.now()
   * @returns {Knock[]} those who are new
   */
  update(waiting, now) {
    const known = new Map(this.#knocks.map((knock) => [knock.id, knock]));
    this.#knocks = waiting.map(({ since, ...knock }) => {
      return { ...knock, since: known.get(knock.id)?.since ?? now - since * 1000 };
    });
    return this.#knocks.filter(({ id }) => !known.has(id));
  }

  /** @param {string} participant was let in, or sent away */
  answer(participant) {
    this.#answered.add(participant);
  }

  /** It may not have come to that: whoever still waits can be answered anew. */
  askAgain() {
    this.#answered.clear();
  }
}
