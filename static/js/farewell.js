/** Gives up a place while there is no connection: in the background, for as long as a server holds it. */

import { HELD_MS } from "./memory.js";
import { PROTOCOL_VERSION } from "./protocol.js";
import { Signalling } from "./signalling.js";

/**
 * @param {string | URL} url of the WebSocket
 * @param {string} room
 * @param {string} resume of the place; without the link's token, so that nobody comes in anew
 * @returns {() => void} ends it
 */
export function sayFarewell(url, room, resume) {
  const signalling = new Signalling(url, () => ({ type: "hello", version: PROTOCOL_VERSION, room, resume }));
  signalling.on("message", (message) => {
    if (message.type === "welcome") signalling.send({ type: "leave" });
    if (message.type === "bye" && !message.retry) signalling.close();
  });
  signalling.open();
  setTimeout(() => signalling.close(), HELD_MS);
  return () => signalling.close();
}
