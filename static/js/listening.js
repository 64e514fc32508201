/** Tells the server how the others are heard and seen here. */

import { Hearing, MOST_MS } from "./hearing.js";

const HEARD_MS = 1000; // how often the others learn whether they were heard

export class Listening {
  #store;
  #signalling;
  #connection;
  #hearing = new Hearing();

  /**
   * @param {import("./state.js").Store} store
   * @param {import("./signalling.js").Signalling} signalling
   * @param {import("./connection.js").Connection} connection
   */
  constructor(store, signalling, connection) {
    this.#store = store;
    this.#signalling = signalling;
    this.#connection = connection;
    setInterval(() => void this.#tell(), HEARD_MS);
  }

  async #tell() {
    const { peer, state } = this.#connection;
    if (!peer || state === "new" || !this.#signalling.up) return;
    const heard = await this.#hearing.look(peer);
    const sounds = this.#store.state.seats.flatMap(({ slot, audio_mid, participant }) => {
      const sound = participant !== null && audio_mid !== null ? heard.sounds.get(audio_mid) : undefined;
      if (!sound?.total) return [];
      const { concealed, silent, total, buffered } = sound;
      return [{ slot, concealed_ms: concealed, silent_ms: silent, total_ms: total, buffered_ms: buffered }];
    });
    if (sounds.length) this.#signalling.send({ type: "heard", sounds, frozen_ms: this.#frozen(heard.frozen) });
  }

  /** Of pictures that ought to move: stills stand still on purpose. @param {Map<string, number>} frozen by mid */
  #frozen(frozen) {
    const { conditions, seats } = this.#store.state;
    const moving = seats.filter(({ participant, source }) => {
      const condition = participant === null ? undefined : conditions.get(participant);
      return (source === "screen" ? condition?.screen : condition?.picture) === "motion";
    });
    const total = moving.reduce((sum, { video_mid }) => sum + (frozen.get(video_mid ?? "") ?? 0), 0);
    return Math.min(total, MOST_MS);
  }
}
