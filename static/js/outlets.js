/** Where sound comes from: the system's speakers and headphones, and what the person has to know of a change. */

const SYSTEMS_CHOICE = "default"; // id of its entry, in browsers that have one

/** The list of devices, and the id of the speaker in use. @typedef {{list: MediaDeviceInfo[], speaker: string}} Outlets */

/** @param {MediaDeviceInfo[]} list @param {string} id */
export function outletOf(list, id) {
  return list.find((device) => isOutlet(device) && device.deviceId === id);
}

/**
 * Whoever loses their headphones is overheard, and has to know.
 * @param {Outlets} before
 * @param {Outlets} after
 * @returns {{code: string, name: string} | null}
 */
export function speakerNotice(before, after) {
  const was = outletOf(before.list, before.speaker || SYSTEMS_CHOICE);
  const now = outletOf(after.list, after.speaker || SYSTEMS_CHOICE);
  const outlets = after.list.filter(isOutlet);
  if (!before.list.some(isOutlet) || !outlets.length) return null; // nameless, before or now: nothing is known
  // The system's choice keeps its id when it is another device.
  const there = was?.deviceId === SYSTEMS_CHOICE ? outlets.some(({ groupId }) => groupId === was.groupId) : after.speaker;
  const name = outlets.findLast(({ groupId }) => groupId === now?.groupId)?.label ?? "the loudspeaker";
  if (was && !there) return { code: "speaker-switched", name };
  return !before.speaker && after.speaker ? { code: "speaker-is-back", name } : null;
}

/** @param {MediaDeviceInfo} device */
function isOutlet({ kind }) {
  return kind === "audiooutput";
}
