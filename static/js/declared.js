/** What the server is told of us whenever it differs from what it knows. */

/** @typedef {import("./protocol.js").FromPage} FromPage */

export class Declared {
  #send;
  #told = "";
  /** @type {FromPage | null} */
  #message = null;

  /** @param {(message: FromPage) => boolean} send false where it could not be said */
  constructor(send) {
    this.#send = send;
  }

  /** @param {FromPage} message */
  say(message) {
    this.#message = message;
    const text = JSON.stringify(message);
    if (text !== this.#told && this.#send(message)) this.#told = text;
  }

  /** To whoever may have forgotten it. @param {FromPage | null} [message] as it is by now */
  again(message = this.#message) {
    this.#told = "";
    if (message) this.say(message);
  }

  /** Nothing of it holds any more. */
  forget() {
    this.#message = null;
    this.#told = "";
  }
}
