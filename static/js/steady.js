/**
 * A number that has lasted. What jumps to and fro moves it only as far as all of the last while agrees: from good
 * to fair, when it was never better than fair in that time.
 */
export class Steady {
  #hold;
  #value;
  /** @type {{value: number, since: number}[]} each held until the next one began */
  #recent;

  /** @param {number} hold milliseconds @param {number} value to begin with */
  constructor(hold, value) {
    this.#hold = hold;
    this.#value = value;
    this.#recent = [{ value, since: -Infinity }];
  }

  /**
   * @param {number} value as it is now
   * @param {number} now milliseconds
   * @returns {number} what has lasted
   */
  look(value, now) {
    if (this.#recent.at(-1)?.value !== value) this.#recent.push({ value, since: now });
    while (this.#recent.length > 1 && this.#recent[1].since <= now - this.#hold) this.#recent.shift();
    const values = this.#recent.map((entry) => entry.value);
    this.#value = Math.min(Math.max(this.#value, Math.min(...values)), Math.max(...values));
    return this.#value;
  }
}
