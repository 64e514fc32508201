/** Hints of the browser that the network may have changed: worth a look at once, and never to be relied upon. */

/**
 * @param {(renewed: boolean) => void} look `renewed`: there was no network at all before, so that this one is
 *     most likely another one, with another address
 * @param {AbortSignal} signal ends it
 */
export function onNetworkHint(look, signal) {
  addEventListener("online", () => look(true), { signal });
  addEventListener("pageshow", () => look(false), { signal });
  document.addEventListener("visibilitychange", () => document.hidden || look(false), { signal });
  const { connection } = /** @type {{connection?: EventTarget & {type?: string}}} */ (/** @type {unknown} */ (navigator));
  let type = connection?.type;
  // It also tells of each new guess of the rate, which is no news.
  const changed = () => {
    if (connection?.type === type) return;
    type = connection?.type;
    look(false);
  };
  connection?.addEventListener("change", changed, { signal });
}

/**
 * A window that knows the network of now. Chromium tells a page's connections of new addresses 1.5 to 2 s after
 * `online` (net/base/network_change_notifier_linux.cc; less on a phone), those of a new window at once.
 */
export class FreshWindow {
  #frame = document.createElement("iframe");

  constructor() {
    this.#frame.hidden = true;
    document.body.append(this.#frame);
  }

  /** @returns {typeof RTCPeerConnection} */
  get RTCPeerConnection() {
    const view = /** @type {Partial<typeof globalThis> | null} */ (/** @type {unknown} */ (this.#frame.contentWindow));
    return view?.RTCPeerConnection ?? RTCPeerConnection;
  }

  /** Connections made in it end. */
  close() {
    this.#frame.remove();
  }
}
