/**
 * A link into a room, `/r/ROOM#TOKEN`. The token is in the fragment, which browsers never send to a server.
 */

/** @typedef {import("./protocol.js").Role} Role */

/**
 * @typedef {object} Link
 * @property {string} room
 * @property {string} token
 * @property {Role} role only for display: the server alone decides
 * @property {string} name as the token has it; "" when the person is to choose
 * @property {number} expires ms since 1970, by the server's clock; Infinity when it does not say
 */

const PATH = /^\/r\/([A-Za-z0-9_-]{1,64})\/?$/;

/**
 * @param {string} text an address, whole or from the path on
 * @param {string} origin of this page
 * @returns {Link | null} null when it leads to no room of this server
 */
export function parseLink(text, origin) {
  let url;
  try {
    url = new URL(text.trim(), origin);
  } catch {
    return null;
  }
  const room = PATH.exec(url.pathname)?.[1];
  if (url.origin !== origin || !room) return null;
  const token = url.hash.slice(1);
  const claims = decodeClaims(token);
  return {
    room,
    token,
    role: claims.role === "host" ? "host" : "guest",
    name: typeof claims.name === "string" ? claims.name : "",
    expires: typeof claims.exp === "number" ? claims.exp * 1000 : Infinity,
  };
}

/** @param {Link} link @returns {string} the address to go to, within this origin */
export function linkPath({ room, token }) {
  return `/r/${room}${token && `#${token}`}`;
}

/**
 * The payload of a JWT, unverified: good for a greeting and for nothing else.
 * @param {string} token
 * @returns {Record<string, unknown>}
 */
function decodeClaims(token) {
  try {
    const base64 = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return claims && typeof claims === "object" ? claims : {};
  } catch {
    return {};
  }
}
