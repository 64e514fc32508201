/** Keeps the screen on while somebody is in a session: a phone that falls asleep falls silent, too. */

/** @type {WakeLockSentinel | null} */
let sentinel = null;
let wanted = false;

/** @param {boolean} on */
export function keepAwake(on) {
  if (on === wanted) return;
  wanted = on;
  if (on) void take();
  else release();
}

async function take() {
  if (!wanted || document.hidden || !("wakeLock" in navigator)) return;
  try {
    const lock = await navigator.wakeLock.request("screen");
    release(); // another one that came meanwhile
    sentinel = lock;
  } catch {
    // A low battery forbids it: then the system's own rules hold.
  }
  if (!wanted) release(); // called off while it was asked for
}

function release() {
  void sentinel?.release().catch(() => {});
}

// The browser lets it go whenever the page is hidden.
document.addEventListener("visibilitychange", () => void take());
