/** Everything the page says by itself, keyed by the stable codes of the server and of this page. */

/**
 * @typedef {object} Words
 * @property {string} title
 * @property {string} text
 * @property {string} [action] label of the one button; what it does is the caller's business
 */

/** Ends and refusals: a whole page each. @type {Record<string, Words>} */
const ENDINGS = {
  left: {
    title: "You have left the session",
    text: "Your camera and microphone are off. You can close this page.",
    action: "Join again",
  },
  ended: {
    title: "The session has ended",
    text: "The host has ended it for everybody. Your camera and microphone are off, and you can close this page.",
  },
  "ended-by-you": {
    title: "You have ended the session",
    text: "It is over for everybody. Your camera and microphone are off, and you can close this page.",
    action: "Open the room again",
  },
  declined: {
    title: "You were not let in",
    text: "The host could not let you in just now. If you expect to be, get in touch with them, or ask once more.",
    action: "Ask again",
  },
  removed: {
    title: "The host has taken you out of the session",
    text: "If you think that this was a mistake, get in touch with them, or ask to join again.",
    action: "Ask to join again",
  },
  locked: {
    title: "This session is locked",
    text: "The host lets nobody else in at the moment. Try again in a few minutes.",
    action: "Try again",
  },
  moved: {
    title: "The session goes on elsewhere",
    text: "It was opened in another tab or on another device. Go on there, or bring it back here.",
    action: "Continue here",
  },
  slept: {
    title: "You were away for a while",
    text: "This device slept, or stopped the page. Nobody has seen or heard you since: your camera and microphone are off.",
    action: "Come back",
  },
  "token-expired": {
    title: "This link has expired",
    text: "Ask the person who invited you for a new one.",
  },
  "token-invalid": {
    title: "This link does not work",
    text: "It may have been cut off when it was copied. Open it again from the message, or ask for a new one.",
  },
  "no-token": {
    title: "This link is not complete",
    text: "Its last part is missing. Open it again from the message, or ask the person who invited you for a new one.",
  },
  "room-full": {
    title: "The session is full",
    text: "It has as many people as it can hold. Try again when somebody has left.",
    action: "Try again",
  },
  "server-full": {
    title: "There is no place left on this server",
    text: "Too many sessions run at the same time. Try again in a few minutes.",
    action: "Try again",
  },
  version: {
    title: "This page is out of date",
    text: "The server has a newer version. Load the page again to get it.",
    action: "Load the page again",
  },
  "waiting-full": {
    title: "Too many people are waiting",
    text: "Try again in a few minutes.",
    action: "Try again",
  },
  "token-wrong-room": {
    title: "This link belongs to another room",
    text: "Ask the person who invited you for the right one.",
  },
  "token-forbidden": {
    title: "This link does not open the room",
    text: "Ask the person who invited you for one that does.",
  },
  "session-over": {
    title: "That session is over",
    text: "Open your link again to join a new one.",
  },
  "bad-message": {
    title: "This page is out of date",
    text: "It and the server do not understand each other. Load the page again.",
    action: "Load the page again",
  },
};

/** @type {Words} */
const UNKNOWN_ENDING = {
  title: "The session can't go on",
  text: "The server has closed the connection.",
  action: "Try again",
};

/** What is wrong with a device, or on the way to the server: shown where its picture or level would be. @type {Record<string, Words>} */
const PROBLEMS = {
  insecure: {
    title: "Camera and microphone need a secure address",
    text: "Browsers allow them only on addresses that begin with https. Ask the person who invited you for such a link.",
  },
  unsupported: {
    title: "This browser can't make video calls",
    text: "Open the link in a current Chrome, Edge, Firefox or Safari. Browsers inside other apps often can't.",
  },
  "link-expired": {
    title: "This link seems to have expired",
    text: "Ask the person who invited you for a new one. If the clock of your device is wrong, you can try all the same.",
  },
  unreached: {
    title: "There is no connection to the server yet",
    text: "We keep trying. On a public Wi-Fi, open any other site: it may first want you to sign in.",
  },
  "both-refused": { title: "Camera and microphone are blocked", text: "" },
  "camera-refused": { title: "The camera is blocked", text: "" },
  "camera-missing": {
    title: "No camera was found",
    text: "You can join with sound only. Or connect a camera, and switch it on.",
  },
  "camera-busy": {
    title: "The camera is in use",
    text: "Close other programs or tabs that use it, then try again. You can join with sound only.",
  },
  "camera-failed": {
    title: "The camera could not be started",
    text: "Choose another one or try again. You can join with sound only.",
  },
  "camera-interrupted": {
    title: "The camera gives no picture",
    text: "Your device has paused it. It may have a cover or a key that switches it off.",
  },
  "microphone-refused": { title: "The microphone is blocked", text: "" },
  "microphone-missing": {
    title: "No microphone was found",
    text: "Others will not hear you. Connect a microphone or a headset, and it will be used.",
  },
  "microphone-busy": {
    title: "The microphone is in use",
    text: "Close other programs or tabs that use it, then try again.",
  },
  "microphone-failed": {
    title: "The microphone could not be started",
    text: "Choose another one or try again.",
  },
  "microphone-interrupted": {
    title: "The microphone gives no sound",
    text: "Your device has paused it, perhaps for a phone call. Others do not hear you.",
  },
};

/** Short words that come and go. `{name}` is filled in. @type {Record<string, string>} */
const NOTICES = {
  admitted: "You have been let in.",
  joined: "{name} has joined.",
  gone: "{name} has left.",
  muted: "The host has muted your microphone. You can switch it on again.",
  "link-copied": "The guest link is copied. Send it to the person you invite.",
  "link-not-copied": "The browser did not let us copy. The link is selected: copy it from there.",
  "screen-failed": "The screen could not be shared. Your system may have to allow it in its privacy settings.",
  "screen-stopped": "Your screen is no longer shared. You can share it again in the session.",
  "microphone-switched": "Your microphone was disconnected. {name} is used now.",
  "sound-blocked": "You can’t hear the others: press “Tap to hear the others”.",
  "speaker-switched": "Your headphones or speaker were disconnected. Sound comes from {name} now.",
  "speaker-is-back": "Sound comes from {name} again.",
  "sound-only-ended": "Sound only is off, for the others’ pictures, too.",
  "camera-is-back": "You see the others again, and they see you.",
  "camera-stays-off": "You see the others again. Your camera stays off.",
  "microphone-on-again": "Your microphone is on again.",
  "microphone-is-there": "A microphone is there now, and it is on.",
  "microphone-is-back": "Your microphone is {name} again.",
  "microphone-kept-off": "Your microphone stays off. Press again to switch it on.",
  "camera-on-again": "Your camera is on again.",
  "camera-is-there": "A camera is there now. It stays off until you switch it on.",
  "camera-kept-off": "Your camera stays off. Press again to switch it on.",
  "microphone-not-chosen": "{name} could not be started: another program may use it. You keep your microphone of before.",
  "camera-not-chosen": "{name} could not be started: another program may use it. You keep your camera of before.",
  "camera-switched": "Your camera was disconnected. {name} is used now.",
  "not-done": "Not done: there is no connection just now. Try again when it is back.",
  "not-heard": "The connection was lost before the server answered. When it is back, see whether it was done.",
  "too-fast": "That was a lot at once. Wait a moment, then try again.",
  "not-allowed": "You can’t do that in this session.",
  "unknown-participant": "That person is no longer here.",
  "not-yourself": "To go yourself, use Leave.",
  "room-full": "The session is full. When somebody leaves, the next one can be let in.",
  "server-full": "The server has no place for sound and picture just now. We keep trying.",
};

const BY_THE_SYSTEM = " Where that changes nothing, your system may block {it}: look in its privacy settings.";

/** How to allow a refused device, by browser. @type {[(agent: string) => boolean, string][]} */
const HOW_TO_ALLOW = [
  [
    (agent) => /iPhone|iPad/.test(agent) || (/Macintosh/.test(agent) && navigator.maxTouchPoints > 1),
    "Tap the sign beside the address, choose “Website Settings” and allow {it}. Where it is missing, look in the Settings of the phone, at your browser.",
  ],
  [
    (agent) => /Android/.test(agent) && /Firefox/.test(agent),
    "Tap the lock beside the address, and allow {it} there.",
  ],
  [(agent) => /Android/.test(agent), "Tap the sign beside the address, then “Permissions”, and allow {it}."],
  [
    (agent) => /Firefox/.test(agent),
    "Click the crossed-out sign beside the address, remove “Blocked” for {it}, then try again." + BY_THE_SYSTEM,
  ],
  [
    (agent) => /Safari/.test(agent) && !/Chrom(e|ium)|Edg/.test(agent),
    "In the menu bar choose Safari, “Settings for This Website”, and allow {it}. Then load the page again." + BY_THE_SYSTEM,
  ],
  [() => true, "Click the sign beside the address, allow {it} there, then try again." + BY_THE_SYSTEM],
];

const REFUSED = {
  "both-refused": "camera and microphone",
  "camera-refused": "the camera",
  "microphone-refused": "the microphone",
};

/** Is it about a device, and shown by the pages before the room by themselves? @param {string} code */
export function isProblem(code) {
  return code in PROBLEMS;
}

/** @param {string} code @param {string} [message] the server's own words @returns {Words} */
export function endingWords(code, message) {
  return ENDINGS[code] ?? { ...UNKNOWN_ENDING, text: message || UNKNOWN_ENDING.text };
}

/** @param {string} code @returns {Words} */
export function problemWords(code) {
  const words = PROBLEMS[code] ?? { title: "Something went wrong with your devices", text: "Try again." };
  if (!(code in REFUSED)) return words;
  const how = HOW_TO_ALLOW.find(([matches]) => matches(navigator.userAgent))?.[1] ?? "";
  return { ...words, text: how.replaceAll("{it}", REFUSED[/** @type {keyof REFUSED} */ (code)]) };
}

/** @param {string} code @param {{name?: string, message?: string}} [fill] @returns {string} */
export function noticeWords(code, { name = "", message = "" } = {}) {
  const problem = PROBLEMS[code];
  if (problem) return `${problem.title}. ${problemWords(code).text}`;
  return (NOTICES[code] ?? ENDINGS[code]?.text ?? (message || "That did not work.")).replace("{name}", name);
}

/** @typedef {import("./protocol.js").Condition} Condition */

/** @type {Record<Condition["quality"], string>} */
const QUALITIES = {
  good: "Good connection",
  fair: "Fair connection",
  poor: "Poor connection",
  lost: "No connection",
};

/** Whose part of the way is short. @type {Record<Condition["cause"], string>} */
const CAUSES = {
  none: "",
  "your-uplink": "your internet is slow to send",
  "your-downlink": "your internet is slow to receive",
  "their-uplink": "their internet is slow to send",
  "their-downlink": "their internet is slow to receive",
  "their-connection": "nothing from them arrives",
};

/** @param {Condition} condition @returns {string} such as "Poor connection: their internet is slow to send" */
export function conditionWords({ quality, cause }) {
  const why = CAUSES[cause] ?? "";
  return QUALITIES[quality] + (why && `: ${why}`);
}

/** @param {Condition} condition one's own @returns {Note} empty where there is nothing to say */
export function ownWords({ quality, cause, picture, screen }) {
  if (quality === "lost") {
    return noteWords("Nothing from you gets through: the others can’t hear you at the moment.", "The others can’t hear you");
  }
  const way = quality === "good" ? "" : `Your connection is ${quality}: ${CAUSES[cause]}.`;
  let paused = "";
  if (quality !== "good" && isPaused(picture)) paused = isPaused(screen) ? "picture and screen are paused" : "picture is paused";
  else if (isPaused(screen)) paused = "screen is paused, at least for some,"; // whose own way may be the short one
  if (!paused) return noteWords(way);
  const why = `Your ${paused} so that they can keep hearing you.`;
  return noteWords(way ? `${way} ${why}` : why, `Your ${paused} so that they hear you`);
}

/** @param {"uplink" | "downlink"} way @param {import("./protocol.js").Grade} grade @returns {string} */
export function wayWords(way, grade) {
  return `${way === "uplink" ? "Sending" : "Receiving"}: ${grade}`;
}

/** On a tile: in full, and where there is little room. @typedef {{text: string, short: string}} Note */

/** @param {string} text @param {string} [short] @returns {Note} */
export function noteWords(text, short = text) {
  return { text, short };
}

/**
 * Why there is less of a picture than one expects.
 * @param {boolean} camera whether theirs is switched on
 * @param {Condition | undefined} condition
 * @param {boolean} soundOnly whether we chose it
 * @returns {Note}
 */
export function pictureWords(camera, condition, soundOnly) {
  if (condition?.sound_only) return noteWords("Sound only");
  if (!camera) return noteWords("");
  if (soundOnly) return noteWords("Picture hidden: you chose sound only", "Picture hidden");
  return pausedWords(condition?.picture);
}

/**
 * Of a camera or a shared screen that is switched on.
 * @param {import("./protocol.js").Picture} [picture] what we are shown of it
 * @returns {Note}
 */
export function pausedWords(picture) {
  if (picture === "unsupported") return noteWords("This browser can’t show their picture", "No picture here");
  return isPaused(picture) ? noteWords("Picture paused so that you can keep hearing each other", "Picture paused") : noteWords("");
}

/** @param {import("./protocol.js").Picture} [picture] */
function isPaused(picture) {
  return picture === "stills" || picture === "sound";
}

/** @param {number} seconds @param {string[]} names @returns {string} */
export function missedWords(seconds, names) {
  const who = names.length === 1 ? names[0] : "Some of the others";
  const whole = Math.max(1, Math.round(seconds));
  return `${who} missed the last ${whole === 1 ? "second" : `${whole} seconds`} of what you said`;
}

/** @param {number} seconds @returns {string} such as 0:07 or 12:40 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** @param {number} seconds waited @returns {string} */
export function waited(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return "just now";
  return minutes === 1 ? "for 1 minute" : `for ${minutes} minutes`;
}
