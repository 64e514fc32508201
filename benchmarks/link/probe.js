/**
 * Watches a call from inside a page, without touching it: injected before the page's own scripts.
 *
 * Keeps every RTCPeerConnection that the page makes, polls their statistics, notes the number (marks.py) of each
 * camera frame that leaves and of each one that is shown, and records at 8 kHz what the microphone says and what
 * the loudspeaker plays. All times are milliseconds on the page's clock: performance.timeOrigin + now.
 */
"use strict";
(() => {
  const POLL_MS = 250;
  const RATE = 8000; // Hz of the recordings
  const BITS = 10; // marks.py
  const CELLS = 2 * BITS + 4;
  const STRIP = 2 / 27;
  const LIMIT = 128; // luma between black and white

  /** Those of the page's own frames, too. @type {RTCPeerConnection[]} */
  const peers = (window.top.linkPeers ??= []);
  const data = { polls: [], sent: [], shown: [], unreadable: 0, said: [], heard: [] };
  const watched = new WeakSet(); // video elements, and tracks that are tapped

  window.RTCPeerConnection = class extends window.RTCPeerConnection {
    constructor(...how) {
      super(...how);
      peers.push(this);
    }
  };

  const clock = () => performance.timeOrigin + performance.now();

  window.linkProbe = {
    clock,
    start() {
      setInterval(() => void poll(), POLL_MS);
      setInterval(watch, POLL_MS);
      watch();
    },
    /** What was seen since the last call. */
    take() {
      const taken = { ...data };
      Object.assign(data, { polls: [], sent: [], shown: [], unreadable: 0, said: [], heard: [] });
      for (const key of ["said", "heard"]) taken[key] = taken[key].map(([at, samples]) => [at, base64(samples)]);
      return taken;
    },
    /** For waiting until a call is up: the widest picture that is received now, 0 where none is. */
    async width() {
      let width = 0;
      for (const peer of alive()) {
        for (const stats of (await peer.getStats()).values()) {
          if (stats.type === "inbound-rtp" && stats.framesDecoded) width = Math.max(width, stats.frameWidth ?? 0);
        }
      }
      return width;
    },
    connected: () => alive().some((peer) => peer.connectionState === "connected"),
  };

  const alive = () => peers.filter((peer) => peer.signalingState !== "closed");

  // --- statistics

  const KEPT = {
    "inbound-rtp": [
      "kind", "mid", "ssrc", "packetsReceived", "packetsLost", "bytesReceived", "headerBytesReceived",
      "totalSamplesReceived", "concealedSamples", "silentConcealedSamples", "concealmentEvents",
      "insertedSamplesForDeceleration", "removedSamplesForAcceleration", "jitterBufferDelay",
      "jitterBufferEmittedCount", "jitterBufferTargetDelay", "jitterBufferMinimumDelay", "fecPacketsReceived", "retransmittedPacketsReceived", "framesReceived",
      "framesDecoded", "keyFramesDecoded", "framesDropped", "frameWidth", "frameHeight", "freezeCount",
      "totalFreezesDuration", "totalDecodeTime", "nackCount", "pliCount",
    ],
    "outbound-rtp": [
      "kind", "mid", "rid", "ssrc", "active", "packetsSent", "bytesSent", "retransmittedBytesSent", "frameWidth",
      "frameHeight", "framesEncoded", "keyFramesEncoded", "totalEncodeTime", "targetBitrate",
      "qualityLimitationReason", "nackCount", "pliCount",
    ],
  };

  async function poll() {
    const at = clock();
    const streams = [];
    const paths = [];
    for (const [index, peer] of peers.entries()) {
      if (peer.signalingState === "closed") continue;
      const report = await peer.getStats();
      for (const stats of report.values()) {
        const kept = KEPT[stats.type];
        if (kept && (stats.packetsReceived || stats.packetsSent)) {
          const row = { peer: index, type: stats.type };
          for (const name of kept) if (stats[name] !== undefined) row[name] = stats[name];
          streams.push(row);
        } else if (stats.type === "transport") {
          const pair = report.get(stats.selectedCandidatePairId);
          paths.push({
            peer: index,
            state: peer.connectionState,
            protocol: report.get(pair?.localCandidateId)?.protocol,
            address: report.get(pair?.localCandidateId)?.address,
            roundTrip: pair?.currentRoundTripTime,
            available: pair?.availableOutgoingBitrate,
            sent: stats.bytesSent,
            received: stats.bytesReceived,
          });
        }
      }
    }
    data.polls.push({ at, took: clock() - at, streams, paths });
  }

  // --- who is to be watched

  function watch() {
    const receivedTracks = new Set();
    for (const peer of alive()) {
      for (const { track } of peer.getReceivers()) receivedTracks.add(track);
      for (const { track } of peer.getSenders()) {
        if (!track || track.readyState !== "live" || watched.has(track)) continue;
        watched.add(track);
        if (track.kind === "video") void tapCamera(track);
        else void tapSound(track, "said");
      }
    }
    for (const element of document.querySelectorAll("video, audio")) {
      for (const track of element.srcObject?.getTracks?.() ?? []) {
        if (!receivedTracks.has(track)) continue;
        if (track.kind === "audio" && !watched.has(track)) {
          watched.add(track);
          void tapSound(track, "heard");
        } else if (track.kind === "video" && element instanceof HTMLVideoElement && !watched.has(element)) {
          watched.add(element);
          watchPicture(element);
        }
      }
    }
  }

  // --- pictures

  async function tapCamera(track) {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    for (;;) {
      const { value: frame, done } = await reader.read();
      if (done) return;
      const at = clock();
      const number = await readMark(frame);
      if (number !== null) data.sent.push([at, number]);
    }
  }

  function watchPicture(element) {
    const look = async (now) => {
      element.requestVideoFrameCallback(look);
      const at = performance.timeOrigin + now;
      let frame;
      try {
        frame = new VideoFrame(element);
      } catch {
        return; // nothing in it just now
      }
      const width = frame.displayWidth;
      const number = await readMark(frame);
      if (number === null) data.unreadable += 1;
      else data.shown.push([at, number, width]);
    };
    element.requestVideoFrameCallback(look);
  }

  /** Closes the frame. @returns {Promise<number | null>} marks.read */
  async function readMark(frame) {
    try {
      const { x, y, width, height } = frame.visibleRect;
      const rows = Math.max(2, Math.floor((height * STRIP) / 2) * 2);
      const rect = { x, y, width: width & ~1, height: rows };
      const bytes = new Uint8Array(frame.allocationSize({ rect }));
      const [plane] = await frame.copyTo(bytes, { rect });
      const planar = ["I420", "I420A", "NV12", "I422", "I444"].includes(frame.format);
      const step = planar ? 1 : 4; // else RGB: any channel will do
      const row = plane.offset + (rows >> 1) * plane.stride;
      const seen = [];
      for (let cell = 0; cell < CELLS; cell++) {
        seen.push(bytes[row + Math.floor(((cell + 0.5) * width) / CELLS) * step] > LIMIT);
      }
      const fits = seen[0] && !seen[1] && !seen[CELLS - 2] && seen[CELLS - 1];
      let number = 0;
      for (let bit = 0; bit < BITS; bit++) {
        if (!fits || seen[2 + bit] === seen[2 + BITS + bit]) return null;
        number = 2 * number + Number(seen[2 + bit]);
      }
      return number;
    } finally {
      frame.close();
    }
  }

  // --- sound

  async function tapSound(track, into) {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    for (;;) {
      const { value: sound, done } = await reader.read();
      if (done) return;
      const { numberOfFrames, sampleRate, timestamp } = sound;
      const samples = new Float32Array(numberOfFrames);
      sound.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
      sound.close();
      data[into].push([performance.timeOrigin + timestamp / 1000, thinned(samples, sampleRate / RATE)]);
    }
  }

  /** Means of `step` samples, as 16 bit. */
  function thinned(samples, step) {
    const thin = new Int16Array(Math.floor(samples.length / step));
    for (let index = 0; index < thin.length; index++) {
      let sum = 0;
      for (let place = index * step; place < (index + 1) * step; place++) sum += samples[place];
      thin[index] = Math.max(-1, Math.min(1, sum / step)) * 32767;
    }
    return thin;
  }

  function base64(samples) {
    return btoa(String.fromCharCode(...new Uint8Array(samples.buffer)));
  }
})();
