/** What is known of the microphone or the camera: what the person wants of it, and what there is. */

/** @typedef {import("./capture.js").Kind} Kind */

export class Input {
  #kind;
  /** By the person, whether or not it works. */
  wanted = true;
  /** @type {MediaStreamTrack | null} */
  track = null;
  /** @type {string | null} a code that words.js has words for */
  problem = null;
  /** The browser is being asked. */
  busy = false;
  /** And asks the person, as far as is known. */
  question = false;
  /** It was there, and could not be taken again. */
  lost = false;
  /** How often the browser was asked: an answer to an earlier time is none. */
  asked = 0;
  /** Id of the device that was taken last. */
  worked = "";

  /** @param {Kind} kind */
  constructor(kind) {
    this.#kind = kind;
  }

  /** Is it on for everybody, or will it be as soon as the browser has answered? */
  get isOn() {
    return this.delivers || (this.wanted && this.busy);
  }

  /** Does anything come from it? Not from one that a phone call has paused. */
  get delivers() {
    return this.wanted && this.track !== null && this.problem === null;
  }

  /** Would it be on again without anybody's doing? */
  get returns() {
    const pluggedIn = this.#kind === "microphone" && this.isMissing;
    return this.wanted && !this.isOn && (this.isInterrupted || this.lost || pluggedIn);
  }

  get isInterrupted() {
    return this.problem === `${this.#kind}-interrupted`;
  }

  /** None was found when it was last looked for. */
  get isMissing() {
    return this.track === null && !this.busy && this.problem === `${this.#kind}-missing`;
  }
}
