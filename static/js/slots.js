/**
 * The places on one RTCPeerConnection for what others send: pairs of an audio and a video m-line that only
 * receive. The server binds people to them; the page makes more when the server misses some.
 */

import { MAX_SLOTS } from "./protocol.js";
import { takePictures, takeVoices } from "./sending.js";

export class Slots {
  #peer;
  /** @type {RTCRtpTransceiver[]} */
  #transceivers = [];

  /** @param {RTCPeerConnection} peer */
  constructor(peer) {
    this.#peer = peer;
  }

  get count() {
    return this.#transceivers.length / 2;
  }

  /** @param {number} count pairs to add; takes effect with the next offer */
  add(count) {
    for (let room = Math.min(count, MAX_SLOTS - this.count); room > 0; room--) {
      const audio = this.#peer.addTransceiver("audio", { direction: "recvonly" });
      const video = this.#peer.addTransceiver("video", { direction: "recvonly" });
      takeVoices(audio);
      takePictures(video);
      this.#transceivers.push(audio, video);
    }
  }

  /** @param {string | null} mid @returns {MediaStreamTrack | null} */
  track(mid) {
    if (mid === null) return null;
    return this.#transceivers.find((transceiver) => transceiver.mid === mid)?.receiver.track ?? null;
  }
}
