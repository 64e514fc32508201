/**
 * How well the sound of each m-line arrives: what was played, and how much of it had to be made up. Goes back to
 * the speaker, who can then say it again.
 */

const SAMPLES_PER_MS = 48; // of Opus
const MOST_MS = 60_000; // that one message may tell of

/** @typedef {{concealed: number, total: number}} Sound milliseconds */

export class Hearing {
  /** @type {RTCPeerConnection | null} */
  #peer = null;
  /** @type {Map<string, Sound>} */
  #before = new Map();

  /**
   * @param {RTCPeerConnection} peer
   * @returns {Promise<Map<string, Sound>>} by mid, since the last call
   */
  async look(peer) {
    if (peer !== this.#peer) this.#before = new Map();
    this.#peer = peer;
    /** @type {Map<string, Sound>} */
    const now = new Map();
    for (const stats of (await peer.getStats()).values()) {
      if (stats.type !== "inbound-rtp" || stats.kind !== "audio" || !stats.mid) continue;
      // Silent concealment fills the pauses in which a silent microphone sends nothing: nobody misses that.
      const concealed = (stats.concealedSamples ?? 0) - (stats.silentConcealedSamples ?? 0);
      now.set(stats.mid, {
        concealed: concealed / SAMPLES_PER_MS,
        total: (stats.totalSamplesReceived ?? 0) / SAMPLES_PER_MS,
      });
    }
    const before = this.#before;
    this.#before = now;
    return new Map([...now].map(([mid, sound]) => [mid, since(before.get(mid), sound)]));
  }
}

/** @param {Sound | undefined} before @param {Sound} now @returns {Sound} */
function since(before = { concealed: 0, total: 0 }, now) {
  const total = clamp(now.total - before.total, MOST_MS);
  return { total, concealed: clamp(now.concealed - before.concealed, total) };
}

/** @param {number} value @param {number} most */
function clamp(value, most) {
  return Math.round(Math.min(most, Math.max(0, value)));
}
