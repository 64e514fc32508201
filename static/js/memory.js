/**
 * What outlives a reload. A tab remembers its place in a room (sessionStorage), which is good for the link that it
 * was taken with, and for as long as a server holds it; the device remembers which
 * camera, microphone and speaker were chosen (localStorage). Names and words are never kept on the device.
 * Storage may be switched off: then nothing is remembered and everything else works.
 */

/** @typedef {import("./link.js").Link} Link */

/**
 * @typedef {object} KeptPlace
 * @property {string} resume
 * @property {string} tab names whoever holds the place, for the server
 * @property {number} lease seconds for which a server holds it
 * @property {string} name
 * @property {boolean} microphone switched on
 * @property {boolean} camera switched on
 */

/**
 * @param {Link} link
 * @returns {KeptPlace | null} null where another link left it, perhaps another person's; without `resume` where the tab
 *     was away for so long that nobody may be put into the session before they have seen themselves
 */
export function recallPlace({ room, token }) {
  const kept = read("sessionStorage", `place:${room}`);
  if (kept?.link !== hash(token)) return null;
  return Date.now() - kept.at < 1000 * kept.lease ? kept : { ...kept, resume: "" };
}

/** @param {Link} link @param {KeptPlace} place as of now */
export function keepPlace({ room, token }, place) {
  write("sessionStorage", `place:${room}`, { ...place, link: hash(token), at: Date.now() });
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

/**
 * FNV-1a, 32 bits. The link itself is good for longer than the place, so it is not kept; to tell it from another one
 * takes no secret and no cryptography, which would have to be waited for (crypto.subtle).
 * @param {string} text
 */
function hash(text) {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ character.charCodeAt(0), 0x01000193);
  return value;
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
