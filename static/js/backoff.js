/** Waiting times between attempts that must never give up. */

const DELAYS_MS = [200, 500, 1000, 2000, 4000, 5000];
const JITTER = 0.25; // of the delay, so that a room does not come back in one thundering step

export class Backoff {
  #attempt = 0;

  /** The next attempt is a first one again. */
  reset() {
    this.#attempt = 0;
  }

  /** @returns {number} milliseconds to wait before the next attempt */
  next() {
    const delay = DELAYS_MS[Math.min(this.#attempt++, DELAYS_MS.length - 1)];
    return delay * (1 + JITTER * (2 * Math.random() - 1));
  }
}
