/** Whether this device slept: only then does its clock go on while the page does not. */

const ASLEEP_MS = 120_000; // so long between looks at the clock: a hidden page may look once a minute only

export class Sleep {
  #awakeAt = Date.now();

  /** Somebody is there: they have just pressed a button. */
  awake() {
    this.#awakeAt = Date.now();
  }

  /**
   * Looks at the clock; has it jumped since the last look? Also where it was set right.
   * @param {number} lease seconds for which the server holds our place: less does not matter
   * @returns {boolean}
   */
  jumped(lease) {
    const before = this.#awakeAt;
    this.#awakeAt = Date.now();
    return this.#awakeAt - before > Math.max(1000 * lease, ASLEEP_MS);
  }
}
