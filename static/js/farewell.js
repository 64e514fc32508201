/** Gives up a place on a socket of its own: in the background, for as long as a server holds it. */

import { PROTOCOL_VERSION } from "./protocol.js";
import { Signalling } from "./signalling.js";

/**
 * Brings nobody in, and leaves whoever holds the place by then where they are, such as the same person at a phone:
 * it may go on, whatever the page does next.
 * @param {string | URL} url of the WebSocket
 * @param {import("./memory.js").KeptPlace} place
 */
export function sayFarewell(url, { resume, tab, lease }) {
  const signalling = new Signalling(url, () => ({ type: "hello", version: PROTOCOL_VERSION, resume, tab, leave: true }));
  signalling.on("message", (message) => {
    if (message.type === "bye" && !message.retry) signalling.close();
  });
  signalling.open();
  setTimeout(() => signalling.close(), 1000 * lease);
}
