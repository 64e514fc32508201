/**
 * How well the sound of each m-line arrives: what was played, how much of it had to be made up, and how late it is.
 * Goes back to the speaker, who can then say it again, and to the server, which lets late sound catch up. For how long
 * pictures froze, too, for the operator.
 */

const SAMPLES_PER_MS = 48; // of Opus
export const MOST_MS = 60_000; // that one message may tell of

/**
 * @typedef {{concealed: number, silent: number, total: number, buffered: number}} Sound milliseconds; `silent`: played
 * in place of sound, apart from `concealed`; `buffered`: mean of each sample
 * @typedef {{concealed: number, silent: number, total: number, waited: number, emitted: number}} Counters
 */

export class Hearing {
  /** @type {RTCPeerConnection | null} */
  #peer = null;
  /** @type {Map<string, Counters>} */
  #before = new Map();
  /** @type {Map<string, number>} */
  #frozenBefore = new Map();

  /**
   * @param {RTCPeerConnection} peer
   * @returns {Promise<{sounds: Map<string, Sound>, frozen: Map<string, number>}>} by mid, since the last call; for how
   *     many milliseconds a picture stood still, as the browser judges: a new still that is late counts, too
   */
  async look(peer) {
    if (peer !== this.#peer) {
      this.#before = new Map();
      this.#frozenBefore = new Map();
    }
    this.#peer = peer;
    /** @type {Map<string, number>} */
    const frozen = new Map();
    /** @type {Map<string, Counters>} */
    const now = new Map();
    for (const stats of (await peer.getStats()).values()) {
      if (stats.type !== "inbound-rtp" || !stats.mid) continue;
      if (stats.kind === "video") frozen.set(stats.mid, 1000 * (stats.totalFreezesDuration ?? 0));
      if (stats.kind !== "audio") continue;
      // After half a second of a gap there is only silence, as there is while a microphone is off, which nobody misses:
      // the server knows which it was.
      const silent = stats.silentConcealedSamples ?? 0;
      now.set(stats.mid, {
        concealed: ((stats.concealedSamples ?? 0) - silent) / SAMPLES_PER_MS,
        silent: silent / SAMPLES_PER_MS,
        total: (stats.totalSamplesReceived ?? 0) / SAMPLES_PER_MS,
        // Sums over all samples that were emitted. In a pause none wait, but the next word will. What it waits for its
        // picture (lip sync) is left out where the browser tells: that is nobody's jitter.
        waited: 1000 * (stats.jitterBufferMinimumDelay ?? stats.jitterBufferDelay ?? 0),
        emitted: stats.jitterBufferEmittedCount ?? 0,
      });
    }
    const before = this.#before;
    const frozenBefore = this.#frozenBefore;
    this.#before = now;
    this.#frozenBefore = frozen;
    return {
      sounds: new Map([...now].map(([mid, sound]) => [mid, since(before.get(mid), sound)])),
      frozen: new Map([...frozen].map(([mid, total]) => [mid, clamp(total - (frozenBefore.get(mid) ?? 0), MOST_MS)])),
    };
  }
}

/** @param {Counters | undefined} before @param {Counters} now @returns {Sound} */
function since(before = { concealed: 0, silent: 0, total: 0, waited: 0, emitted: 0 }, now) {
  const total = clamp(now.total - before.total, MOST_MS);
  const emitted = now.emitted - before.emitted;
  const buffered = emitted > 0 ? clamp((now.waited - before.waited) / emitted, MOST_MS) : 0;
  const concealed = clamp(now.concealed - before.concealed, total);
  return { total, concealed, silent: clamp(now.silent - before.silent, total - concealed), buffered };
}

/** @param {number} value @param {number} most */
function clamp(value, most) {
  return Math.round(Math.min(most, Math.max(0, value)));
}
