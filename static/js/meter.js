/** How loud a track is, many times a second. */

import { audioContext } from "./audio.js";

const QUIET_DB = -55; // of full scale: shown as nothing
const LOUD_DB = -12; // shown as all
const FALL = 0.85; // of the shown level per frame, so that it sinks smoothly

export class Meter {
  #show;
  /** @type {MediaStreamTrack | null} */
  #track = null;
  /** @type {MediaStreamAudioSourceNode | null} */
  #source = null;
  #frame = 0;
  #level = 0;

  /** @param {(level: number) => void} show level 0..1; called on animation frames */
  constructor(show) {
    this.#show = show;
  }

  /** @param {MediaStreamTrack | null} track null stops it */
  listen(track) {
    if (track === this.#track) return;
    this.#track = track;
    cancelAnimationFrame(this.#frame);
    this.#source?.disconnect();
    this.#source = null;
    this.#show((this.#level = 0));
    const context = track && audioContext();
    if (!context) return;
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    this.#source = context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const look = () => {
      analyser.getFloatTimeDomainData(samples);
      this.#level = Math.max(loudness(samples), this.#level * FALL);
      this.#show(this.#level);
      this.#frame = requestAnimationFrame(look);
    };
    look();
  }
}

/** @param {Float32Array} samples @returns {number} 0..1 */
function loudness(samples) {
  let power = 0;
  for (const sample of samples) power += sample * sample;
  const decibels = 10 * Math.log10(power / samples.length + 1e-10);
  return Math.min(1, Math.max(0, (decibels - QUIET_DB) / (LOUD_DB - QUIET_DB)));
}
