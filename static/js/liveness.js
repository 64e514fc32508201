/**
 * Does anything still arrive on a connection? Browsers take 5 to 6 s to call a dead path dead; the bytes tell
 * it in 2. Everything counts: media, RTCP and answers to STUN.
 */

const LOOK_MS = 500;
const STALL_MS = 2000; // when something ought to arrive all the time
const SILENT_STALL_MS = 6000; // when only STUN ought to: Chrome asks every 2.5 s on a stable path
const SENT_ENOUGH = 5; // packets sent since something last arrived; the server reports on each within 0.1 s

export class Liveness {
  #peer;
  #changed;
  #expecting;
  /** @type {number | undefined} */
  #timer;
  #alive = true;
  /** @type {Map<string, number>} */
  #received = new Map(); // candidate pair -> what it has received
  #sentThen = 0;
  #at = 0;

  /**
   * @param {RTCPeerConnection} peer
   * @param {() => boolean} expecting whether somebody sends to us
   * @param {(alive: boolean) => void} changed called when the bytes stop, and when they come again
   */
  constructor(peer, expecting, changed) {
    this.#peer = peer;
    this.#expecting = expecting;
    this.#changed = changed;
  }

  get alive() {
    return this.#alive;
  }

  start() {
    if (this.#timer !== undefined) return;
    this.#at = performance.now();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#changed = () => {};
  }

  async #look() {
    const { received, sent } = await traffic(this.#peer);
    const now = performance.now();
    // Pairs come and go with ICE restarts: only what one of them has received tells of life.
    const more = [...received].some(([pair, amount]) => amount > (this.#received.get(pair) ?? 0));
    this.#received = received;
    if (more) {
      this.#sentThen = sent;
      this.#at = now;
      this.#tell(true);
      return;
    }
    const busy = this.#expecting() || sent - this.#sentThen >= SENT_ENOUGH;
    if (now - this.#at > (busy ? STALL_MS : SILENT_STALL_MS)) this.#tell(false);
  }

  /** @param {boolean} alive */
  #tell(alive) {
    if (alive === this.#alive) return;
    this.#alive = alive;
    this.#changed(alive);
  }
}

/** @param {RTCPeerConnection} peer @returns {Promise<{received: Map<string, number>, sent: number}>} */
async function traffic(peer) {
  const received = new Map();
  let sent = 0;
  for (const stats of (await peer.getStats()).values()) {
    if (stats.type !== "candidate-pair") continue;
    received.set(stats.id, (stats.bytesReceived ?? 0) + (stats.responsesReceived ?? 0));
    sent += stats.packetsSent ?? 0;
  }
  return { received, sent };
}
