/**
 * The signalling messages as types: the page's side of `server/messages.py`, name for name.
 */

export const PROTOCOL_VERSION = 1;
export const MAX_CHAT = 2000; // characters
export const MAX_SLOTS = 30;

/** @typedef {"microphone" | "camera" | "screen"} Source */
/** @typedef {"host" | "guest"} Role */

// --- from the page to the server

/** @typedef {{type: "hello", version: number, room?: string, token?: string, resume?: string, name?: string, tab?: string, leave?: boolean}} Hello */
/** @typedef {{type: "offer", connection: string, sdp: string, sources: Record<string, Source>,
 *   repeats: boolean}} Offer */
/** @typedef {{type: "media", microphone: boolean, camera: boolean, screen: boolean}} Media */
/** @typedef {{slot: number, width: number, height: number, pinned: boolean}} TileWish device pixels; 0 x 0: send no video */
/** @typedef {{type: "wish", tiles: TileWish[]}} Wish */
/** @typedef {{slot: number, concealed_ms: number, silent_ms: number, total_ms: number, buffered_ms: number}} SlotSound */
/** @typedef {{type: "heard", sounds: SlotSound[], frozen_ms: number}} Heard how it arrived since the last such message */
/** @typedef {{type: "prefer", sound_only: boolean, save_data: boolean}} Prefer */
/** @typedef {{type: "chat", text: string}} ChatSend */
/** @typedef {{type: "admit" | "decline" | "mute" | "remove", participant: string}} HostAction */
/** @typedef {{type: "lock", locked: boolean}} Lock */
/** @typedef {{type: "end"}} End */
/** @typedef {{type: "leave"}} Leave */
/** @typedef {{type: "ping", id: number}} Ping */
/** @typedef {Hello | Offer | Media | Wish | Heard | Prefer | ChatSend | HostAction | Lock | End | Leave | Ping} FromPage */

// --- from the server to the page

/**
 * @typedef {object} Welcome
 * @property {"welcome"} type
 * @property {"waiting" | "joined"} state
 * @property {string} participant
 * @property {string} name
 * @property {Role} role
 * @property {string} room
 * @property {string} resume
 * @property {boolean} resumed
 * @property {number} lease seconds for which the place is kept for somebody who is out of reach
 * @property {string[]} may
 * @property {string | null} guest_link host only: "/r/ROOM#TOKEN"
 * @property {number} slots
 */

/**
 * @typedef {object} Participant
 * @property {string} id
 * @property {string} name
 * @property {Role} role
 * @property {boolean} microphone
 * @property {boolean} camera
 * @property {boolean} screen
 * @property {"connecting" | "connected" | "reconnecting"} connection
 * @property {number | null} lost seconds out of reach when it was sent
 * @property {"page" | "sender" | "viewer"} kind a sender or viewer is a device or program (WHIP, WHEP)
 */

/** @typedef {{id: string, name: string, since: number, connected: boolean}} Waiting since: seconds waited when it was sent */

/**
 * @typedef {object} RoomState
 * @property {"room"} type
 * @property {boolean} locked
 * @property {boolean} host_present
 * @property {Participant[]} participants
 * @property {Waiting[]} waiting
 */

/**
 * @typedef {object} Seat
 * @property {number} slot
 * @property {string | null} audio_mid
 * @property {string | null} video_mid
 * @property {string | null} participant
 * @property {"camera" | "screen" | null} source
 */

/** @typedef {{type: "seats", seats: Seat[], missing: number}} Seats */
/** @typedef {{type: "answer", connection: string, sdp: string}} Answer */
/** @typedef {{type: "speaking", participants: string[]}} Speaking loudest first */
/** @typedef {{type: "chat", participant: string, name: string, text: string, at: number, id: number}} Chat */
/**
 * @typedef {object} Order
 * @property {"sending"} type
 * @property {number} camera encodings that may be active, from the smallest up; 0: none
 * @property {number} screen
 * @property {number} frame_rate pictures a second at most
 * @property {boolean} thin sound at a low bitrate in long packets: the next answer says how
 */

/**
 * @typedef {"good" | "fair" | "poor"} Grade
 * @typedef {"motion" | "stills" | "sound" | "off" | "unsupported"} Picture
 * @typedef {object} Condition
 * @property {string} participant
 * @property {Grade | "lost"} quality
 * @property {"none" | "your-uplink" | "your-downlink" | "their-uplink" | "their-downlink" | "their-connection"} cause
 * @property {Picture} picture what we are shown of them
 * @property {Picture} screen that they share; of our own, what whoever is shown the least of it sees
 * @property {boolean} sound_only they chose to have no pictures, in neither direction
 * @property {Grade | null} uplink their own; like `downlink` for hosts only, and of nobody who is lost
 * @property {Grade | null} downlink
 */

/**
 * @typedef {object} Conditions
 * @property {"conditions"} type
 * @property {Condition[]} people
 * @property {number} missed seconds of our last three of speech that somebody did not hear
 * @property {string[]} missed_by
 */

/** @typedef {{type: "muted"}} Muted */
/** @typedef {{type: "pong", id: number}} Pong */
/** @typedef {{type: "error", code: string, message: string, about: string | null}} ServerError */
/** @typedef {{type: "bye", code: string, message: string, retry: boolean}} Bye */
/** @typedef {Welcome | RoomState | Seats | Answer | Speaking | Chat | Order | Conditions | Muted | Pong | ServerError | Bye} ToPage */

/** @returns {string} 16 hexadecimal digits */
export function randomName() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Reads one message of the server. Null for what is not JSON or has no type: a newer server may say more than
 * this page knows.
 * @param {unknown} data
 * @returns {ToPage | null}
 */
export function parse(data) {
  if (typeof data !== "string") return null;
  try {
    const message = JSON.parse(data);
    return message && typeof message.type === "string" ? message : null;
  } catch {
    return null;
  }
}
