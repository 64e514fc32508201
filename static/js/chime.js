/** Two soft notes, synthesised: somebody is at the door. */

import { audioContext } from "./audio.js";

const NOTES_HZ = [523.25, 783.99]; // C5, G5
const STEP = 0.16; // seconds from note to note
const DECAY = 1.1; // seconds
const LOUDNESS = 0.11; // of full scale: heard, and nobody is startled

/** @param {string} [speaker] id of the device, where the browser lets us choose */
export function chime(speaker = "") {
  const context = audioContext();
  if (!context) return;
  void context.resume().catch(() => {});
  if ("setSinkId" in context) {
    const choose = /** @type {{setSinkId(id: string): Promise<void>}} */ (/** @type {unknown} */ (context));
    choose.setSinkId(speaker).catch(() => {});
  }
  NOTES_HZ.forEach((frequency, index) => {
    const at = context.currentTime + 0.02 + index * STEP;
    const gain = context.createGain();
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(LOUDNESS / (index + 1), at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + DECAY);
    const note = new OscillatorNode(context, { type: "sine", frequency });
    note.connect(gain).connect(context.destination);
    note.start(at);
    note.stop(at + DECAY);
  });
}
