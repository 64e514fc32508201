/** Keeps the screen on while somebody is in a session: a phone that falls asleep falls silent, too. */

/** @type {WakeLockSentinel | null} */
let sentinel = null;
let wanted = false;

/** @param {boolean} on */
export function keepAwake(on) {
  if (on === wanted) return;
  wanted = on;
  if (on) void take();
  else void sentinel?.release().catch(() => {});
}

async function take() {
  try {
    if (wanted && !document.hidden && "wakeLock" in navigator) sentinel = await navigator.wakeLock.request("screen");
  } catch {
    // A low battery forbids it: then the system's own rules hold.
  }
}

// The browser lets it go whenever the page is hidden.
document.addEventListener("visibilitychange", () => void take());
