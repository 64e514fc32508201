/** Our place in the room: who we are to the server, now, after a reload, and when we give it up. */

import { sayFarewell } from "./farewell.js";
import { forgetPlace, keepPlace } from "./memory.js";
import { PROTOCOL_VERSION, randomName } from "./protocol.js";

/** @typedef {import("./link.js").Link} Link */

export class Place {
  #devices;
  #name = "";
  #resume = "";
  #tab = randomName(); // the same for each attempt: whoever did not hear the answer to the last one is no second person
  #lease = 0;

  /** @param {import("./devices.js").Devices} devices whose switches are remembered with it */
  constructor(devices) {
    this.#devices = devices;
  }

  /** @returns {number} seconds for which the server holds it */
  get lease() {
    return this.#lease;
  }

  /** @returns {import("./memory.js").KeptPlace} what is remembered of it */
  get facts() {
    const { microphone, camera } = this.#devices.inputs;
    return {
      resume: this.#resume,
      tab: this.#tab,
      lease: this.#lease,
      name: this.#name,
      microphone: microphone.wanted,
      camera: camera.wanted,
    };
  }

  /** A new one is asked for. @param {string} name */
  seek(name) {
    this.#name = name;
    this.#resume = "";
  }

  /** The one that was left is asked for. @param {import("./memory.js").KeptPlace} place */
  seekAgain({ name, resume, tab, lease }) {
    this.#name = name;
    this.#resume = resume;
    this.#tab = tab;
    this.#lease = lease;
  }

  /** The server has given it. @param {import("./protocol.js").Welcome} welcome */
  take({ name, resume, lease }) {
    this.#name = name;
    this.#resume = resume;
    this.#lease = lease;
  }

  /** @param {Link | null} link @returns {import("./protocol.js").Hello} */
  hello(link) {
    return {
      type: "hello",
      version: PROTOCOL_VERSION,
      room: link?.room,
      token: link?.token, // where the session was over, it opens the next one
      resume: this.#resume,
      name: this.#name || undefined,
      tab: this.#tab,
    };
  }

  /** For a reload, from now on for as long as the lease. @param {Link | null} link */
  remember(link) {
    if (link && this.#resume) keepPlace(link, this.facts);
  }

  /** Another tab may have the place: this forgets this tab's copy alone. @param {Link | null} link */
  forget(link) {
    if (link) forgetPlace(link.room);
    this.#resume = "";
  }

  /**
   * A socket may look open for seconds after the network died: what is said on another one arrives in any case.
   * @param {string | URL} url of the WebSocket
   */
  giveUp(url) {
    if (!this.#resume) return;
    sayFarewell(url, this.facts);
    this.#tab = randomName(); // a farewell that arrives late is not for whoever joins again
  }
}
