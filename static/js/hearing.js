/**
 * How well the sound of each m-line arrives: what was played, how much of it had to be made up, and how late it is.
 * Goes back to the speaker, who can then say it again, and to the server, which lets late sound catch up. For how long
 * pictures froze, too, for the operator.
 */

const SAMPLES_PER_MS = 48; // of Opus
const MOST_MS = 60_000; // that one message may tell of

/**
 * @typedef {{concealed: number, silent: number, total: number, buffered: number}} Sound milliseconds; `silent`: played
 * in place of sound, apart from `concealed`; `buffered`: mean of each sample
 * @typedef {{concealed: number, silent: number, total: number, waited: number, meant: number, emitted: number}} Counters
 */

export class Hearing {
  /** @type {RTCPeerConnection | null} */
  #peer = null;
  /** @type {Map<string, Counters>} */
  #before = new Map();
  #frozen = 0;

  /**
   * @param {RTCPeerConnection} peer
   * @returns {Promise<{sounds: Map<string, Sound>, frozen: number}>} by mid, and milliseconds, since the last call
   */
  async look(peer) {
    if (peer !== this.#peer) {
      this.#before = new Map();
      this.#frozen = 0;
    }
    this.#peer = peer;
    let frozen = 0;
    /** @type {Map<string, Counters>} */
    const now = new Map();
    for (const stats of (await peer.getStats()).values()) {
      if (stats.type !== "inbound-rtp") continue;
      frozen += 1000 * (stats.totalFreezesDuration ?? 0);
      if (stats.kind !== "audio" || !stats.mid) continue;
      // After half a second of a gap there is only silence, as there is while a microphone is off, which nobody misses:
      // the server knows which it was.
      const silent = stats.silentConcealedSamples ?? 0;
      now.set(stats.mid, {
        concealed: ((stats.concealedSamples ?? 0) - silent) / SAMPLES_PER_MS,
        silent: silent / SAMPLES_PER_MS,
        total: (stats.totalSamplesReceived ?? 0) / SAMPLES_PER_MS,
        // Sums over all samples that were emitted. In a pause none wait, but the next word will for as long as is meant.
        waited: 1000 * (stats.jitterBufferDelay ?? 0),
        meant: 1000 * (stats.jitterBufferTargetDelay ?? 0),
        emitted: stats.jitterBufferEmittedCount ?? 0,
      });
    }
    const before = this.#before;
    const frozenBefore = this.#frozen;
    this.#before = now;
    this.#frozen = frozen;
    const sounds = new Map([...now].map(([mid, sound]) => [mid, since(before.get(mid), sound)]));
    return { sounds, frozen: clamp(frozen - frozenBefore, MOST_MS) };
  }
}

/** @param {Counters | undefined} before @param {Counters} now @returns {Sound} */
function since(before = { concealed: 0, silent: 0, total: 0, waited: 0, meant: 0, emitted: 0 }, now) {
  const total = clamp(now.total - before.total, MOST_MS);
  const emitted = now.emitted - before.emitted;
  const waited = Math.max(now.waited - before.waited, now.meant - before.meant);
  const buffered = emitted > 0 ? clamp(waited / emitted, MOST_MS) : 0;
  const concealed = clamp(now.concealed - before.concealed, total);
  return { total, concealed, silent: clamp(now.silent - before.silent, total - concealed), buffered };
}

/** @param {number} value @param {number} most */
function clamp(value, most) {
  return Math.round(Math.min(most, Math.max(0, value)));
}
