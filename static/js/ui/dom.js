/** Small helpers for building and finding elements. Text goes in as text, never as HTML. */

const SVG = "http://www.w3.org/2000/svg";
const ICONS = "/static/icons.svg";

/**
 * The element of an id, of the class that the caller relies on.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  return ensure(document.getElementById(id), type);
}

/**
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} type
 * @returns {T}
 */
export function find(root, selector, type) {
  return ensure(root.querySelector(selector), type);
}

/**
 * @template {Element} T
 * @param {Element | null} element
 * @param {new () => T} type
 * @returns {T}
 */
function ensure(element, type) {
  if (element instanceof type) return element;
  throw new Error(`the page lacks a ${type.name}`);
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** @param {string} name of a symbol in icons.svg */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.classList.add("icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${ICONS}#${name}`);
  svg.append(use);
  return svg;
}

/** @param {Element} holder of an icon @param {string} name */
export function changeIcon(holder, name) {
  const href = `${ICONS}#${name}`;
  const use = holder.querySelector("use");
  if (use && use.getAttribute("href") !== href) use.setAttribute("href", href);
}

/** Sets text only where it changes, so that live regions and selections are left in peace.
 * @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {HTMLMediaElement} element @param {MediaStreamTrack | null} track */
export function showTrack(element, track) {
  const stream = element.srcObject instanceof MediaStream ? element.srcObject : null;
  if ((stream?.getTracks()[0] ?? null) === track) return;
  element.srcObject = track && new MediaStream([track]);
  if (track) void element.play().catch(() => {}); // muted video that may not play shows its first frame
}

/**
 * Keeps the children of `parent` in step with `items`, by key, and moves none that is in its place: focus stays.
 * @template T
 * @template {HTMLElement} E
 * @param {HTMLElement} parent
 * @param {Map<string, E>} known
 * @param {T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => E} create
 * @param {(element: E, item: T) => void} draw
 */
export function reconcile(parent, known, items, keyOf, create, draw) {
  const keys = new Set(items.map(keyOf));
  for (const [key, element] of known) {
    if (keys.has(key)) continue;
    element.remove();
    known.delete(key);
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const element = known.get(key) ?? create(item);
    known.set(key, element);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
    draw(element, item);
  }
}

/**
 * Where `change` takes away what had the focus, it goes to the first child that is left, and not to one of its
 * buttons: who presses twice is not to press another one.
 * @param {HTMLElement} home
 * @param {HTMLElement} otherwise where no child is left
 * @param {() => void} change
 */
export function keepFocus(home, otherwise, change) {
  const held = home.contains(document.activeElement);
  change();
  if (!held || home.contains(document.activeElement)) return;
  const next = home.firstElementChild;
  (next instanceof HTMLElement ? next : otherwise).focus();
}

/** @param {string} name @returns {string} one or two letters */
export function initials(name) {
  const words = name.trim().split(/\s+/).filter((word) => /\p{L}|\p{N}/u.test(word));
  const letters = [words[0], words.length > 1 ? words[words.length - 1] : undefined];
  return letters.map((word) => [...(word ?? "")].find((letter) => /\p{L}|\p{N}/u.test(letter)) ?? "").join("").toUpperCase();
}

/** @param {string} id @returns {string} one of six quiet colours, the same for the same person */
export function hue(id) {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + character.charCodeAt(0)) % 6;
  return `hue-${sum}`;
}
