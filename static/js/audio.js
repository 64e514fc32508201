/** The page's one AudioContext: for the chime and for level meters, never for what others say. */

/** @type {AudioContext | null} */
let shared = null;

/**
 * Browsers let an AudioContext run only after the person touched the page: until then it waits.
 * @returns {AudioContext | null} null where there is none
 */
export function audioContext() {
  if (!shared && typeof AudioContext !== "undefined") {
    shared = new AudioContext({ latencyHint: "interactive" });
    const wake = () => void shared?.resume().catch(() => {});
    for (const type of ["pointerdown", "keydown"]) addEventListener(type, wake, { capture: true, passive: true });
  }
  return shared;
}
