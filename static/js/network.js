/** Hints of the browser that the network may have changed: worth a look at once, and never to be relied upon. */

/** @param {() => void} look @param {AbortSignal} signal ends it */
export function onNetworkHint(look, signal) {
  addEventListener("online", look, { signal });
  addEventListener("pageshow", look, { signal });
  document.addEventListener("visibilitychange", () => document.hidden || look(), { signal });
  const { connection } = /** @type {{connection?: EventTarget & {type?: string}}} */ (/** @type {unknown} */ (navigator));
  let type = connection?.type;
  // It also tells of each new guess of the rate, which is no news.
  const changed = () => {
    if (connection?.type === type) return;
    type = connection?.type;
    look();
  };
  connection?.addEventListener("change", changed, { signal });
}
