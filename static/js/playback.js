/**
 * Plays what others say: one <audio> element per slot, which stays in the document whatever the tiles do.
 * Media elements and not WebAudio, because echo cancellation sees only what elements play.
 */

import { Emitter } from "./emitter.js";

const AGAIN_MS = 300; // after a pause: in a call the system would only pause it again, and again

/**
 * Events: `blocked` (the browser plays nothing until the person taps; and again when it does).
 * @extends {Emitter<{blocked: boolean}>}
 */
export class Playback extends Emitter {
  #home;
  #speaker = "";
  #told = false;
  /** @type {Set<HTMLAudioElement>} */
  #blocked = new Set();
  /** @type {Map<number, HTMLAudioElement>} */
  #elements = new Map();

  /** @param {HTMLElement} home where the elements live */
  constructor(home) {
    super();
    this.#home = home;
    document.addEventListener("visibilitychange", () => document.hidden || void this.unblock());
  }

  /** @param {Map<number, MediaStreamTrack>} tracks slot -> track; slots that are not named fall silent */
  play(tracks) {
    for (const [slot, element] of this.#elements) {
      if (tracks.has(slot)) continue;
      element.srcObject = null;
      this.#block(element, false);
    }
    for (const [slot, track] of tracks) {
      const element = this.#elements.get(slot) ?? this.#add(slot);
      const stream = /** @type {MediaStream | null} */ (element.srcObject);
      if (stream?.getTracks()[0] === track) continue;
      element.srcObject = new MediaStream([track]);
      void this.#start(element);
    }
  }

  /** Starts what was blocked or paused. Inside a tap or key press no browser refuses it. */
  async unblock() {
    await Promise.all([...this.#elements.values()].filter((element) => element.srcObject).map((element) => this.#start(element)));
  }

  /** @param {string} speaker device id, "" for the system's choice */
  async choose(speaker) {
    if (speaker === this.#speaker) return;
    this.#speaker = speaker;
    await Promise.all([...this.#elements.values()].map((element) => this.#sink(element)));
  }

  /** @param {number} slot */
  #add(slot) {
    const element = document.createElement("audio");
    element.autoplay = true;
    // Nobody pauses it but the system, for a phone call as a rule.
    element.addEventListener("pause", () => {
      setTimeout(() => element.srcObject && element.paused && this.#start(element), AGAIN_MS);
    });
    this.#elements.set(slot, element);
    this.#home.append(element);
    void this.#sink(element);
    return element;
  }

  /** @param {HTMLAudioElement} element */
  async #start(element) {
    try {
      await element.play();
      this.#block(element, false);
    } catch (error) {
      if (error instanceof DOMException && error.name === "NotAllowedError") this.#block(element, element.srcObject !== null);
    }
  }

  /** @param {HTMLAudioElement} element */
  async #sink(element) {
    await element.setSinkId?.(this.#speaker).catch(() => {});
  }

  /** @param {HTMLAudioElement} element @param {boolean} blocked */
  #block(element, blocked) {
    if (blocked) this.#blocked.add(element);
    else this.#blocked.delete(element);
    const told = this.#blocked.size > 0;
    if (told === this.#told) return;
    this.#told = told;
    this.emit("blocked", told);
  }
}

export const canChooseSpeaker = () => typeof HTMLMediaElement.prototype.setSinkId === "function";
