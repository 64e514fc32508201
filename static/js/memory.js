/**
 * What outlives a reload. A tab remembers its place in a room (sessionStorage); the device remembers which
 * camera, microphone and speaker were chosen (localStorage). Names and words are never kept on the device.
 * Storage may be switched off: then nothing is remembered and everything else works.
 */

/**
 * @typedef {object} Place
 * @property {string} resume
 * @property {string} name
 * @property {boolean} microphone switched on
 * @property {boolean} camera switched on
 */

/** @param {string} room @returns {Place | null} */
export function recallPlace(room) {
  return read("sessionStorage", `place:${room}`);
}

/** @param {string} room @param {Place} place */
export function keepPlace(room, place) {
  write("sessionStorage", `place:${room}`, place);
}

/** @param {string} room */
export function forgetPlace(room) {
  try {
    sessionStorage.removeItem(`roomtone:place:${room}`);
  } catch {
    // nothing was remembered either
  }
}

/**
 * @template T
 * @param {"microphone" | "camera" | "speaker" | "shortcuts" | "selfView" | "soundOnly" | "saveData"} key
 * @param {T} otherwise
 * @returns {T}
 */
export function recallChoice(key, otherwise) {
  return read("localStorage", key) ?? otherwise;
}

/** @param {"microphone" | "camera" | "speaker" | "shortcuts" | "selfView" | "soundOnly" | "saveData"} key @param {unknown} value */
export function keepChoice(key, value) {
  write("localStorage", key, value);
}

/** @param {"sessionStorage" | "localStorage"} storage @param {string} key */
function read(storage, key) {
  try {
    return JSON.parse(globalThis[storage].getItem(`roomtone:${key}`) ?? "null");
  } catch {
    return null;
  }
}

/** @param {"sessionStorage" | "localStorage"} storage @param {string} key @param {unknown} value */
function write(storage, key, value) {
  try {
    globalThis[storage].setItem(`roomtone:${key}`, JSON.stringify(value));
  } catch {
    // full or forbidden
  }
}
