/**
 * The media connection: one RTCPeerConnection to the server, replaced when it can't be repaired.
 *
 * Only the page offers, one offer at a time. The connection outlives a lost signalling socket: offers that could
 * not be sent wait for `resume`. A path that went dead is repaired by an ICE restart; when that brings nothing at
 * once, by a new RTCPeerConnection under a new name, with the same tracks. It falls over to TCP where UDP is dead:
 * Chrome's own connection would cling to the old UDP path for 3.5 s. It never gives up.
 */

import { Emitter } from "./emitter.js";
import { Liveness } from "./liveness.js";
import { FreshWindow, onNetworkHint } from "./network.js";
import { randomName } from "./protocol.js";
import { Sending } from "./sending.js";
import { Slots } from "./slots.js";

/** @typedef {import("./protocol.js").Source} Source */
/** @typedef {import("./protocol.js").Offer} Offer */
/** @typedef {import("./protocol.js").Answer} Answer */
/** @typedef {"new" | "connecting" | "connected" | "reconnecting"} MediaState */

// For an offer to lead to a connection, attempt by attempt: with seconds of queue on the way, it takes long.
const ATTEMPTS_MS = [3300, 3300, 5000, 8000, 12_000];
// From the answer to a restart until something arrives: a round trip, which the offer has measured.
const RESTART_MS = 150;
const RESTART_ROUND_TRIPS = 1.5;
const TOO_FAST_MS = 2500; // the server takes one offer in 2 s
const STALE_MS = 2500; // an attempt as old as that was made in the network of before
const NEWS_MS = 2500; // for a page to hear of the addresses of a new network (network.js)
const RETURN_MS = 30_000; // on TCP: how often UDP is tried again

/**
 * Events: `state`, and `tracks` when receiving tracks are other ones than before.
 * @extends {Emitter<{state: MediaState, tracks: void}>}
 */
export class Connection extends Emitter {
  #send;
  #expecting;
  /** @type {MediaState} */
  #state = "new";
  /** @type {Map<Source, MediaStreamTrack>} */
  #tracks = new Map();
  /** @type {RTCPeerConnection | null} */
  #peer = null;
  #name = "";
  /** @type {Source[]} */
  #sources = [];
  /** @type {Sending | null} */
  #sending = null;
  /** @type {Slots | null} */
  #slots = null;
  /** @type {Liveness | null} */
  #liveness = null;
  /** @type {Offer | null} */
  #pending = null; // made, and not answered yet
  #offering = false;
  #again = false; // something changed after the pending offer was made
  #attempts = 0; // to connect since it was connected
  #restarting = false; // ICE, since it was connected
  #renewedAt = Number.NEGATIVE_INFINITY; // when a network came where there was none
  /** @type {FreshWindow | null} */
  #window = null; // that the connection was made in, if not in the page's own
  #offeredAt = 0;
  #thin = false;
  /** @type {import("./protocol.js").Order | null} */
  #order = null;
  /** @type {number | undefined} */
  #timer;
  /** @type {number | undefined} */
  #returning;
  /** @type {AbortController | null} */
  #listening = null;

  /**
   * @param {(offer: Offer) => boolean} send false: could not be sent now
   * @param {() => boolean} [expecting] whether anybody in the room sends to us
   */
  constructor(send, expecting = () => false) {
    super();
    this.#send = send;
    this.#expecting = expecting;
  }

  get state() {
    return this.#state;
  }

  /** The RTCPeerConnection of now, for statistics. */
  get peer() {
    return this.#peer;
  }

  /** @param {number} slots pairs in the first offer @param {Source[]} sources that may be sent */
  start(slots, sources) {
    this.#sources = sources;
    this.#build(slots);
    this.#listening = new AbortController();
    onNetworkHint((renewed) => this.#retry(renewed), this.#listening.signal);
    this.#become("connecting");
    this.#negotiate();
  }

  /** Signalling is back: says what could not be said, and repairs what broke meanwhile. */
  resume() {
    this.#attempts = 0;
    if (this.#pending) this.#say(this.#pending);
    else if (this.#state !== "connected") this.#restart();
  }

  /** A new RTCPeerConnection: the server no longer knows the old one, or it can't be repaired. */
  rebuild() {
    if (this.#state === "new") return;
    this.#build(this.#slots?.count ?? 0);
    this.#attempts = 0;
    if (this.#state === "connected") this.#become("reconnecting");
    this.#negotiate();
    this.emit("tracks", undefined);
  }

  /** Ends it; the tracks are kept for the next `start`. */
  close() {
    this.#listening?.abort();
    this.#teardown();
    this.#order = null;
    this.#become("new");
  }

  /** @param {Source} source @param {MediaStreamTrack | null} track */
  async publish(source, track) {
    if (track) this.#tracks.set(source, track);
    else this.#tracks.delete(source);
    await this.#sending?.replace(source, track);
  }

  /** @param {import("./protocol.js").Order} order what the server wants us to send */
  async obey(order) {
    this.#order = order;
    await this.#sending?.limit(order);
    if (order.thin === this.#thin) return;
    this.#thin = order.thin;
    this.#negotiate(); // bitrate and packet length of sound come with an answer
  }

  /** @param {number} count slot pairs that the server misses */
  addSlots(count) {
    // A pending offer may hold what is missing already: its answer brings new seats.
    if (!this.#slots || this.#pending || this.#offering) return;
    this.#slots.add(count);
    this.#negotiate();
  }

  /** @param {string | null} mid @returns {MediaStreamTrack | null} what is received there */
  track(mid) {
    return this.#slots?.track(mid) ?? null;
  }

  /** @param {Answer} answer */
  async accept({ connection, sdp }) {
    const peer = this.#peer;
    if (!peer || !this.#pending || connection !== this.#name) return; // for an offer of the past
    this.#pending = null;
    try {
      await peer.setRemoteDescription({ type: "answer", sdp });
    } catch (error) {
      console.warn("the answer does not fit", error);
      if (peer === this.#peer) this.#schedule(() => this.#replace(), ATTEMPTS_MS[0]);
      return;
    }
    if (peer !== this.#peer) return;
    void this.#sending?.again();
    if (this.#again) this.#negotiate();
    else if (this.#state === "reconnecting" && this.#restarting) this.#hurry();
  }

  /** The server refused the last offer for coming too soon. */
  defer() {
    this.#schedule(() => this.#pending && this.#say(this.#pending), TOO_FAST_MS);
  }

  /** @param {number} slots */
  #build(slots) {
    this.#teardown();
    if (this.#isNewNetwork) this.#window = new FreshWindow();
    const Peer = this.#window?.RTCPeerConnection ?? RTCPeerConnection;
    const peer = new Peer({ bundlePolicy: "max-bundle", iceServers: [] });
    this.#peer = peer;
    this.#name = randomName();
    this.#thin = false;
    this.#sending = new Sending(peer, this.#sources);
    // What the way bore a moment ago: a weak one is not to begin with all layers again.
    if (this.#order) void this.#sending.limit(this.#order);
    for (const [source, track] of this.#tracks) void this.#sending.replace(source, track);
    this.#slots = new Slots(peer);
    this.#slots.add(slots);
    this.#liveness = new Liveness(peer, this.#expecting, () => this.#judge());
    peer.onconnectionstatechange = () => this.#judge();
  }

  #teardown() {
    clearTimeout(this.#timer);
    clearInterval(this.#returning);
    this.#returning = undefined;
    this.#liveness?.stop();
    if (this.#peer) {
      this.#peer.onconnectionstatechange = null;
      this.#peer.close();
    }
    this.#window?.close();
    this.#peer = this.#sending = this.#slots = this.#liveness = this.#window = null;
    this.#pending = null;
    this.#offering = this.#again = this.#restarting = false;
  }

  /** Sets the state from what the browser says and what arrives. */
  #judge() {
    const peer = this.#peer;
    if (!peer || !this.#liveness) return;
    // Firefox calls a path disconnected where one answer to STUN was lost. What arrives tells it better.
    const tells = this.#state === "connected" ? ["connected", "disconnected"] : ["connected"];
    if (tells.includes(peer.connectionState) && this.#liveness.alive) {
      clearTimeout(this.#timer);
      this.#attempts = 0;
      this.#restarting = false;
      this.#liveness.start();
      this.#returning ??= setInterval(() => this.#returnToUdp(), RETURN_MS);
      this.#become("connected");
    } else if (this.#state === "connected") {
      this.#become("reconnecting");
      if (this.#isNewNetwork) this.#replace();
      else this.#restart();
    } else if (peer.connectionState === "failed" && !this.#pending) {
      this.#replace();
    }
  }

  #restart() {
    if (!this.#peer || this.#peer.connectionState === "closed") return this.#replace();
    this.#attempts++;
    this.#restarting = true;
    this.#peer.restartIce();
    // One that was made before the path died may never be answered.
    if (this.#pending) this.#schedule(() => this.#overdue(), ATTEMPTS_MS[0]);
    this.#negotiate();
  }

  /** A restart that works shows at once; a path that carries nothing is not waited for. */
  #hurry() {
    const roundTrip = performance.now() - this.#offeredAt;
    const look = async () => {
      await this.#liveness?.look();
      this.#overdue();
    };
    this.#schedule(look, RESTART_MS + RESTART_ROUND_TRIPS * roundTrip);
  }

  #replace() {
    const attempts = this.#attempts + 1;
    this.rebuild();
    this.#attempts = attempts;
  }

  /** The page's own connections know nothing of its addresses yet, so that to restart ICE would not help. */
  get #isNewNetwork() {
    return performance.now() - this.#renewedAt < NEWS_MS;
  }

  /**
   * The network may be back, or another one: a long wait for the attempt of before would be in vain.
   * @param {boolean} renewed
   */
  #retry(renewed) {
    const now = performance.now();
    if (renewed) this.#renewedAt = now;
    if (this.#state !== "reconnecting" || (!renewed && now - this.#offeredAt < STALE_MS)) return;
    this.#attempts = 0;
    this.#replace();
  }

  #returnToUdp() {
    if (this.#state !== "connected" || this.#liveness?.protocol !== "tcp" || this.#pending) return;
    this.#peer?.restartIce();
    this.#negotiate();
  }

  async #negotiate() {
    const peer = this.#peer;
    if (!peer || !this.#sending) return;
    if (this.#pending || this.#offering) {
      this.#again = true;
      return;
    }
    this.#offering = true;
    this.#again = false;
    try {
      await peer.setLocalDescription(await peer.createOffer());
    } finally {
      if (peer === this.#peer) this.#offering = false;
    }
    if (peer !== this.#peer) return;
    const sdp = peer.localDescription?.sdp ?? "";
    const { sources } = this.#sending;
    // A browser plays by timestamps: what comes twice it plays once.
    this.#pending = { type: "offer", connection: this.#name, sdp, sources, repeats: true };
    this.#say(this.#pending);
  }

  /** @param {Offer} offer */
  #say(offer) {
    this.#offeredAt = performance.now();
    // Unsent, it waits for `resume`, without a clock: a connection can't be repaired while nobody hears the offer.
    if (!this.#send(offer) || this.#state === "connected") return;
    this.#schedule(() => this.#overdue(), ATTEMPTS_MS[Math.min(this.#attempts, ATTEMPTS_MS.length - 1)]);
  }

  #overdue() {
    if (this.#state !== "connected") this.#replace();
  }

  /** @param {() => void} step @param {number} delay in milliseconds */
  #schedule(step, delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(step, delay);
  }

  /** @param {MediaState} state */
  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.emit("state", state);
  }
}
