/**
 * One lasting conversation with the server over WebSockets that come and go.
 *
 * While open it never gives up: a lost socket is replaced with backoff, and at once when the browser says that
 * the network is back or the page is looked at again. A socket that is silent for too long is lost, too: on a
 * dead network TCP would take minutes to say so.
 */

import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { onNetworkHint } from "./network.js";
import { parse } from "./protocol.js";

/** @typedef {import("./protocol.js").FromPage} FromPage */
/** @typedef {import("./protocol.js").ToPage} ToPage */
/** @typedef {import("./protocol.js").Hello} Hello */

const PING_MS = 2000;
const SILENCE_MS = 4000; // for a pong: after that the socket is dead
const DOUBT_MS = 1500; // for a pong, where something else says that the network may be dead
const STABLE_MS = 5000; // a socket that lasts that long was no failed attempt
// For a WebSocket to open, attempt by attempt: with seconds of queue on the way, TCP, TLS and HTTP take long.
const CONNECT_MS = [6000, 6000, 10_000, 20_000];
const STALE_MS = 1000; // an attempt as old as that was made in the network of before

/**
 * Events: `message` (every message of the server but pong), `settled` (what the server
 * had to say to hello has arrived), `down` (the socket was lost, or none could be opened; since when, as of
 * performance.now()).
 * @extends {Emitter<{message: ToPage, settled: void, down: number}>}
 */
export class Signalling extends Emitter {
  /** @type {WebSocket | null} */
  #socket = null;
  #open = false;
  #up = false;
  #upSince = 0;
  #downSince = 0;
  #overdue = 0; // attempts to open a socket that took too long, since one was open
  #triedAt = 0;
  #pinged = 0; // when the ping was sent that has no pong yet; 0: none
  #doubted = 0; // when a pong became urgent; 0: not
  #settled = false;
  #pings = 0; // so many were sent: a pong names the ping that it answers
  /** @type {{pings: number, tell: (answered: boolean) => void}[]} */
  #asked = []; // whether what was sent before the next ping arrives
  #backoff = new Backoff();
  /** @type {number | undefined} */
  #timer;
  /** @type {AbortController | null} */
  #listening = null;

  /**
   * @param {string | URL} url ws: or wss:
   * @param {() => Hello | null} hello said first on each new socket; null: nothing is said on it at all
   */
  constructor(url, hello) {
    super();
    this.url = url;
    this.hello = hello;
  }

  get up() {
    return this.#up;
  }

  /** Whether all has arrived that the server had to say to hello. */
  get settled() {
    return this.#settled;
  }

  open() {
    if (this.#open) return;
    this.#open = true;
    this.#downSince = performance.now();
    this.#listening = new AbortController();
    onNetworkHint((renewed) => this.#hurry(renewed), this.#listening.signal);
    this.#connect();
  }

  /** Ends the conversation; `open` starts a new one. Questions to it stay open. */
  close() {
    this.#open = false;
    this.#asked = [];
    this.#listening?.abort();
    this.#drop();
  }

  /**
   * @param {FromPage} message
   * @returns {boolean} false when no socket is open: nothing is queued, say it again after `welcome`
   */
  send(message) {
    if (!this.#up || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /**
   * Does the server answer, now and on this socket? Then it has also heard all that was said before. An open socket
   * says neither: its network may be dead.
   * @returns {Promise<boolean>}
   */
  answers() {
    if (!this.#up) return Promise.resolve(false);
    const answered = new Promise((tell) => this.#asked.push({ pings: this.#pings, tell }));
    if (!this.#pinged) {
      clearTimeout(this.#timer);
      this.#ping();
    }
    return answered;
  }

  /** Something else says that the network is dead: is this socket? */
  doubt() {
    if (!this.#up || this.#doubted) return;
    this.#doubted = performance.now();
    clearTimeout(this.#timer);
    this.#ping();
  }

  #connect() {
    this.#drop();
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    this.#triedAt = performance.now();
    this.#timer = setTimeout(
      () => {
        this.#overdue++;
        this.#lost(socket);
      },
      CONNECT_MS[Math.min(this.#overdue, CONNECT_MS.length - 1)],
    );
    socket.onopen = () => {
      clearTimeout(this.#timer);
      const hello = this.hello();
      if (!hello) return;
      this.#up = true;
      this.#overdue = 0;
      this.#upSince = performance.now();
      this.send(hello);
      this.#ping();
    };
    socket.onmessage = ({ data }) => {
      const message = parse(data);
      if (message === null) return;
      if (message.type === "pong") this.#ponged(message.id);
      else this.emit("message", message);
    };
    socket.onclose = () => this.#lost(socket);
  }

  /** One ping at a time: it tells the server that what came before the last pong has arrived. */
  #ping() {
    const now = performance.now();
    const silent = this.#pinged && now - this.#pinged >= SILENCE_MS;
    const dubious = this.#doubted && now - this.#doubted >= DOUBT_MS;
    if (silent || dubious) {
      if (this.#socket) this.#lost(this.#socket);
      return;
    }
    if (!this.#pinged) {
      this.#pinged = now;
      this.send({ type: "ping", id: ++this.#pings });
    }
    this.#timer = setTimeout(() => this.#ping(), this.#doubted ? DOUBT_MS : PING_MS);
  }

  /** @param {number} id */
  #ponged(id) {
    this.#pinged = this.#doubted = 0;
    this.#tellAsked(true, ({ pings }) => pings < id);
    if (this.#settled) return;
    this.#settled = true;
    this.emit("settled", undefined);
  }

  /**
   * The network may be back, or another one: try now rather than at the end of the wait. In a new one the socket of
   * before carries nothing, and to find that out takes longer than to open another.
   * @param {boolean} renewed
   */
  #hurry(renewed) {
    if (!this.#open) return;
    if (renewed && this.#up && this.#socket) this.#lost(this.#socket);
    if (!this.#open) return; // whoever has heard that it is lost may want no other
    if (this.#up) {
      // After a sleep, the answer to a ping of before may just be waiting to be read.
      if (this.#pinged) this.#pinged = performance.now();
      return this.doubt();
    }
    this.#backoff.reset();
    const connecting = this.#socket?.readyState === WebSocket.CONNECTING;
    if (renewed || !connecting || performance.now() - this.#triedAt >= STALE_MS) this.#connect();
  }

  /** @param {WebSocket} socket */
  #lost(socket) {
    if (socket !== this.#socket) return;
    const wasUp = this.#up;
    if (wasUp && performance.now() - this.#upSince > STABLE_MS) this.#backoff.reset();
    this.#drop();
    if (!this.#open) return;
    if (wasUp) this.#downSince = performance.now();
    this.#tellAsked(false);
    this.emit("down", this.#downSince);
    if (!this.#open) return;
    this.#timer = setTimeout(() => this.#connect(), this.#backoff.next());
  }

  /** @param {boolean} answered @param {(asked: {pings: number}) => boolean} [whom] */
  #tellAsked(answered, whom = () => true) {
    const told = this.#asked.filter(whom);
    this.#asked = this.#asked.filter((asked) => !told.includes(asked));
    for (const { tell } of told) tell(answered);
  }

  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    this.#up = false;
    this.#pinged = this.#doubted = 0;
    this.#settled = false;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
