/** Single-key shortcuts in the room. They never act while somebody types, and can be switched off (WCAG 2.1.4). */

/**
 * @param {Record<string, () => void>} keys lower case key -> action
 * @param {() => boolean} enabled
 */
export function listenForKeys(keys, enabled) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
    if (!enabled() || isTyping(event.target)) return;
    const action = keys[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest("textarea, select")) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type);
}
