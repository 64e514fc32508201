/**
 * Asking the browser for microphone, camera and screen, and telling why it said no.
 *
 * A problem is a code that words.js has words for: `microphone-refused`, `-missing`, `-busy`, `-failed`, the same
 * for the camera, `insecure` and `unsupported`.
 */

/** @typedef {"microphone" | "camera"} Kind */
/** @typedef {{track: MediaStreamTrack | null, problem: string | null}} Captured */

const VOICE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const PICTURE = { width: { ideal: 960 }, height: { ideal: 540 }, frameRate: { ideal: 30 }, facingMode: "user" };
const SCREEN = { video: { frameRate: { ideal: 15, max: 30 } }, audio: false };

/** @returns {string | null} why this browser can capture nothing at all */
export function obstacle() {
  if (typeof RTCPeerConnection === "undefined") return "unsupported";
  if (!isSecureContext) return "insecure";
  return "mediaDevices" in navigator ? null : "unsupported";
}

export const canShareScreen = () => "getDisplayMedia" in (navigator.mediaDevices ?? {});

/**
 * Asks for both at once, so that the browser shows one question; then for each by itself where that failed.
 * @param {Partial<Record<Kind, string>>} wanted kind -> device id, "" for the browser's choice
 * @param {AbortSignal} [signal] stops what has come by then, and what comes later; nothing more is asked for
 * @returns {Promise<Partial<Record<Kind, Captured>>>}
 */
export async function capture(wanted, signal) {
  const kinds = /** @type {Kind[]} */ (Object.keys(wanted));
  const blocked = obstacle();
  if (blocked) return Object.fromEntries(kinds.map((kind) => [kind, { track: null, problem: blocked }]));
  if (kinds.length < 2) return await captureEach(kinds, wanted, signal);
  try {
    const stream = await request(wanted, signal);
    return { microphone: found(stream.getAudioTracks()), camera: found(stream.getVideoTracks()) };
  } catch (error) {
    const refused = isRefusal(error);
    // A second question right after a refusal of everything would be rude: ask only where it may be granted.
    const rest = refused ? await filter(kinds, async (kind) => (await permission(kind)) !== "denied") : kinds;
    if (refused && rest.length === kinds.length) rest.splice(rest.indexOf("camera"), 1);
    const results = await captureEach(rest, wanted, signal);
    for (const kind of kinds) results[kind] ??= { track: null, problem: problemOf(kind, error) };
    return results;
  }
}

/** @param {AbortSignal} [signal] @returns {Promise<MediaStreamTrack | null>} null when the person changed their mind */
export async function captureScreen(signal) {
  try {
    const stream = heed(await navigator.mediaDevices.getDisplayMedia(SCREEN), signal);
    return stream.getVideoTracks()[0] ?? null;
  } catch (error) {
    if (nameOf(error) === "AbortError" || (isRefusal(error) && !isSystems(error))) return null;
    throw error;
  }
}

/** @param {Kind[]} kinds @param {Partial<Record<Kind, string>>} wanted @param {AbortSignal} [signal] */
async function captureEach(kinds, wanted, signal) {
  /** @type {Partial<Record<Kind, Captured>>} */
  const results = {};
  for (const kind of kinds) {
    try {
      results[kind] = found((await requestOne(kind, wanted[kind] ?? "", signal)).getTracks());
    } catch (error) {
      results[kind] = { track: null, problem: problemOf(kind, error) };
    }
  }
  return results;
}

/**
 * The chosen devices exactly: Chrome does not honour an `ideal` microphone.
 * @param {Partial<Record<Kind, string>>} wanted
 * @param {AbortSignal} [signal]
 */
async function request({ microphone, camera }, signal) {
  signal?.throwIfAborted();
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: microphone === undefined ? false : { ...VOICE, ...device(microphone) },
    video: camera === undefined ? false : { ...PICTURE, ...device(camera) },
  });
  return heed(stream, signal);
}

/**
 * One that is gone gives way to the browser's choice, by itself: another kind keeps what was chosen for it.
 * @param {Kind} kind
 * @param {string} id
 * @param {AbortSignal} [signal]
 */
async function requestOne(kind, id, signal) {
  try {
    return await request({ [kind]: id }, signal);
  } catch (error) {
    if (!isMissing(error) || !id) throw error;
    return await request({ [kind]: "" }, signal);
  }
}

/** @param {MediaStream} stream @param {AbortSignal} [signal] ends its tracks, also when it did so long ago */
function heed(stream, signal) {
  for (const track of stream.getTracks()) {
    if (signal?.aborted) track.stop();
    else signal?.addEventListener("abort", () => track.stop(), { once: true });
  }
  return stream;
}

/** @param {string} id "" for the browser's choice */
function device(id) {
  return id ? { deviceId: { exact: id } } : {};
}

/** @param {MediaStreamTrack[]} tracks @returns {Captured} */
function found(tracks) {
  return { track: tracks[0] ?? null, problem: null };
}

/** @param {unknown} error an OverconstrainedError is not always a DOMException */
function nameOf(error) {
  return error instanceof Error ? error.name : "";
}

/** @param {unknown} error */
function isRefusal(error) {
  return ["NotAllowedError", "SecurityError"].includes(nameOf(error));
}

/** Chrome says "Permission denied by system" where macOS lets it see no screen. @param {unknown} error */
function isSystems(error) {
  return error instanceof Error && error.message.includes("system");
}

/** @param {unknown} error */
function isMissing(error) {
  return ["NotFoundError", "OverconstrainedError"].includes(nameOf(error));
}

/** @param {Kind} kind @param {unknown} error */
function problemOf(kind, error) {
  if (isRefusal(error)) return `${kind}-refused`;
  if (isMissing(error)) return `${kind}-missing`;
  // The system gives the device to somebody else, or its hardware does not start.
  if (["NotReadableError", "AbortError"].includes(nameOf(error))) return `${kind}-busy`;
  return `${kind}-failed`;
}

/** @param {Kind} kind @returns {Promise<PermissionState | "unknown">} */
export async function permission(kind) {
  try {
    return (await navigator.permissions.query({ name: /** @type {PermissionName} */ (kind) })).state;
  } catch {
    return "unknown"; // Firefox and Safari know these names since lately only
  }
}

/** @template T @param {T[]} items @param {(item: T) => Promise<boolean>} test */
async function filter(items, test) {
  const results = await Promise.all(items.map(test));
  return items.filter((_, index) => results[index]);
}
