/**
 * Does anything still arrive on a connection? Browsers take 5 to 6 s to call a dead path dead; the bytes tell
 * it in 1.5. Everything counts: media, RTCP and answers to STUN. Who is silent still sends two packets a second
 * (Opus DTX), and the server reports on each within 0.25 s.
 */

import { onNetworkHint } from "./network.js";

const LOOK_MS = 250;
const STALL_MS = 1500; // when something ought to arrive all the time
const DOUBT_STALL_MS = 600; // for a while after a hint that the network has changed
const RENEWED_STALL_MS = 250; // where the path died for certain: what still lives shows within a round trip
const DOUBT_MS = 4000;
const SILENT_STALL_MS = 6000; // when only STUN ought to: Chrome asks every 2.5 s on a stable path
const SENT_ENOUGH = 3; // packets sent since something last arrived

export class Liveness {
  #peer;
  #changed;
  #expecting;
  #ended = new AbortController();
  /** @type {number | undefined} */
  #timer;
  #alive = true;
  #looking = false;
  /** @type {Map<string, number>} */
  #received = new Map(); // candidate pair -> what it has received
  #sentThen = 0;
  #at = 0;
  #doubtUntil = 0;
  #doubtStall = DOUBT_STALL_MS;
  /** Of the way that is in use. @type {"udp" | "tcp" | ""} */
  protocol = "";

  /**
   * @param {RTCPeerConnection} peer
   * @param {() => boolean} expecting whether somebody sends to us
   * @param {() => void} changed called when the bytes stop, and when they come again
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
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    onNetworkHint((renewed) => this.#doubt(renewed), this.#ended.signal);
  }

  stop() {
    clearInterval(this.#timer);
    this.#ended.abort();
    this.#changed = () => {};
  }

  /** What arrived before a hint says nothing about the network after it. @param {boolean} renewed */
  #doubt(renewed) {
    this.#doubtStall = renewed ? RENEWED_STALL_MS : DOUBT_STALL_MS;
    this.#at = Math.max(this.#at, performance.now() - LOOK_MS);
    this.#doubtUntil = performance.now() + DOUBT_MS;
    void this.look();
  }

  /** Looks now rather than a little later. */
  async look() {
    if (this.#looking) return;
    this.#looking = true;
    const { received, selected, sent, protocol } = await traffic(this.#peer);
    this.#looking = false;
    const now = performance.now();
    this.protocol = protocol;
    // Another pair may answer long before the browser sends anything else over it.
    const more = [...received].some(
      ([pair, amount]) => (!selected || pair === selected) && amount > (this.#received.get(pair) ?? 0),
    );
    this.#received = received;
    if (more) {
      this.#sentThen = sent;
      this.#at = now;
      this.#tell(true);
    } else if (now - this.#at > this.#patience(sent, now)) {
      this.#tell(false);
    }
  }

  /** @param {number} sent @param {number} now */
  #patience(sent, now) {
    const busy = this.#expecting() || sent - this.#sentThen >= SENT_ENOUGH;
    if (!busy) return SILENT_STALL_MS;
    return now < this.#doubtUntil ? this.#doubtStall : STALL_MS;
  }

  /** @param {boolean} alive */
  #tell(alive) {
    if (alive === this.#alive) return;
    this.#alive = alive;
    this.#changed();
  }
}

/**
 * @param {RTCPeerConnection} peer
 * @returns {Promise<{received: Map<string, number>, selected: string, sent: number, protocol: "udp" | "tcp" | ""}>}
 */
async function traffic(peer) {
  const report = await peer.getStats();
  const received = new Map();
  let sent = 0;
  let selected = "";
  for (const stats of report.values()) {
    if (stats.type === "transport") selected = stats.selectedCandidatePairId ?? selected;
    if (stats.type === "outbound-rtp") sent += stats.packetsSent ?? 0; // Firefox does not count them by pair
    if (stats.type !== "candidate-pair") continue;
    if (stats.selected) selected = stats.id; // as Firefox tells it
    received.set(stats.id, (stats.bytesReceived ?? 0) + (stats.responsesReceived ?? 0));
  }
  const protocol = report.get(report.get(selected)?.localCandidateId)?.protocol ?? "";
  return { received, selected, sent, protocol };
}
