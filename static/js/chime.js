/** Two soft notes, synthesised: somebody is at the door, or is let in. */

import { audioContext } from "./audio.js";

const NOTES_HZ = [523.25, 783.99]; // C5, G5
const STEP = 0.16; // seconds from note to note
const DECAY = 1.1; // seconds
const GONE_MS = 3000; // by then it has died away
const LOUDNESS = 0.11; // of full scale: heard, and nobody is startled

/** @param {string} [speaker] id of the device, "" for the system's choice */
export async function chime(speaker = "") {
  const context = audioContext();
  if (!context) return;
  void context.resume().catch(() => {});
  const outlet = speaker ? await outletTo(context, speaker) : context.destination;
  NOTES_HZ.forEach((frequency, index) => {
    const at = context.currentTime + 0.02 + index * STEP;
    const gain = context.createGain();
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(LOUDNESS / (index + 1), at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + DECAY);
    const note = new OscillatorNode(context, { type: "sine", frequency });
    note.connect(gain).connect(outlet);
    note.start(at);
    note.stop(at + DECAY);
  });
}

/**
 * Through an element, as what the others say: not every browser that lets us choose an element's speaker lets us
 * choose a context's.
 * @param {AudioContext} context
 * @param {string} speaker
 */
async function outletTo(context, speaker) {
  const outlet = context.createMediaStreamDestination();
  const element = new Audio();
  element.srcObject = outlet.stream;
  await element.setSinkId?.(speaker).catch(() => {});
  void element.play().catch(() => {});
  setTimeout(() => (element.srcObject = null), GONE_MS);
  return outlet;
}
