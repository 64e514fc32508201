/**
 * What this page sends on one RTCPeerConnection: microphone, camera and screen, each with its own m-line from the
 * first offer on, so that switching one on or off later needs no negotiation.
 */

/** @typedef {import("./protocol.js").Source} Source */
/** @typedef {Pick<import("./protocol.js").Order, "camera" | "screen" | "frame_rate" | "thin">} Limits */

// Bit/s per simulcast layer of a 960x540 camera: a thumbnail, half size, full size.
const LAYERS = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 100_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_500_000 },
];
// Bit/s of the smallest one at a picture a second, which would take all that is allowed: 0.8 s of a narrow uplink.
const STILL_BITRATE = 30_000;
const SCREEN_BITRATE = 2_500_000; // bit/s
const SCREEN_FRAMES = 15; // per second: text has to be sharp rather than smooth
const THIN_BITRATE = 14_000; // bit/s of a voice on a poor uplink, as the server's answers ask for then
// libwebrtc encodes no third layer below about 960x540 (media/engine/simulcast.cc).
const THREE_LAYERS_PIXELS = 960 * 540 * 0.9;

/** @type {Record<Source, (peer: RTCPeerConnection) => RTCRtpTransceiver>} */
const ADD = {
  microphone: (peer) =>
    peer.addTransceiver("audio", {
      direction: "sendonly",
      sendEncodings: [{ priority: "high", networkPriority: "high" }],
    }),
  camera: (peer) => addVideo(peer, LAYERS),
  screen: (peer) => addVideo(peer, [{ maxBitrate: SCREEN_BITRATE, maxFramerate: SCREEN_FRAMES }]),
};

/** @type {Limits} */
const NO_LIMITS = { camera: LAYERS.length, screen: 1, frame_rate: 60, thin: false };

const VOICE = ["audio/opus", "audio/red"];
// PCMU is how the server has a jitter buffer begin anew that plays too late (media/catching_up.py).
const VOICES = [...VOICE, "audio/pcmu"];
const PICTURE = ["video/vp8", "video/rtx"];
const PICTURES = ["video/vp8", "video/h264", "video/rtx"];
// Constrained Baseline, which all encoders know, and the High profiles, which contain the others.
const PROFILES = /profile-level-id=(42e0|640[0c]|f400)/i;

export class Sending {
  /** @type {Map<Source, RTCRtpTransceiver>} */
  #transceivers = new Map();
  /** @type {Map<Source, Promise<void>>} */
  #turns = new Map();
  #limits = NO_LIMITS;

  /** @param {RTCPeerConnection} peer with no m-line yet @param {Source[]} sources that may be sent */
  constructor(peer, sources) {
    for (const source of sources) {
      const transceiver = ADD[source](peer);
      if (source === "microphone") preferVoice(transceiver);
      else preferPicture(transceiver);
      this.#transceivers.set(source, transceiver);
    }
  }

  /** @returns {Record<string, Source>} mid -> source, once the offer is the local description */
  get sources() {
    /** @type {Record<string, Source>} */
    const sources = {};
    for (const [source, { mid }] of this.#transceivers) if (mid !== null) sources[mid] = source;
    return sources;
  }

  /** @param {Source} source @param {MediaStreamTrack | null} track null sends nothing */
  async replace(source, track) {
    const sender = this.#transceivers.get(source)?.sender;
    if (!sender || sender.track === track) return;
    if (track && source === "screen") track.contentHint = "detail";
    await sender.replaceTrack(track);
    if (!track || source === "microphone") return;
    // Nobody can ask for what they don't know of: what is switched on has to flow before the server can order it.
    this.#limits = { ...this.#limits, [source]: Math.max(1, this.#limits[source]) };
    await this.#fit(source);
  }

  /** What the server asks for, so that nobody uploads what nobody can use. @param {Limits} limits */
  async limit(limits) {
    this.#limits = limits;
    await Promise.all([...this.#transceivers.keys()].map((source) => this.#fit(source)));
  }

  /**
   * To be called after each answer: it switches encodings on and off as they were when the offer was made
   * (libwebrtc pc/sdp_offer_answer.cc, UpdateSimulcastLayerStatusInSender), whatever was ordered meanwhile.
   */
  again() {
    return this.limit(this.#limits);
  }

  /**
   * One change of a sender at a time: the browser refuses an overlapped one, and old limits would stay in force.
   * @param {Source} source
   */
  #fit(source) {
    const turn = (this.#turns.get(source) ?? Promise.resolve()).then(() => this.#apply(source));
    this.#turns.set(source, turn);
    return turn;
  }

  /** @param {Source} source */
  async #apply(source) {
    const sender = this.#transceivers.get(source)?.sender;
    if (!sender) return;
    const parameters = sender.getParameters();
    if (source === "microphone") this.#thin(parameters);
    else this.#shrink(parameters, source, sender.track);
    await sender.setParameters(parameters).catch(() => {}); // of a connection that has been closed meanwhile
  }

  /**
   * Longer packets and no redundancy come with an answer, which on a starved uplink takes seconds; fewer bits at once.
   * @param {RTCRtpSendParameters} parameters
   */
  #thin(parameters) {
    for (const encoding of parameters.encodings) {
      if (this.#limits.thin) encoding.maxBitrate = THIN_BITRATE;
      else delete encoding.maxBitrate;
    }
  }

  /** @param {RTCRtpSendParameters} parameters @param {"camera" | "screen"} source @param {MediaStreamTrack | null} track */
  #shrink(parameters, source, track) {
    const frameRate = source === "screen" ? Math.min(SCREEN_FRAMES, this.#limits.frame_rate) : this.#limits.frame_rate;
    const scales = scalesFor(source, track, parameters.encodings.length);
    const layers = source === "camera" ? LAYERS.slice(-parameters.encodings.length) : [];
    const still = frameRate <= 1 && this.#limits[source] <= 1;
    parameters.encodings.forEach((encoding, index) => {
      encoding.active = index < Math.min(scales.length, this.#limits[source]);
      encoding.maxFramerate = Math.max(1, frameRate);
      if (layers[index]) encoding.maxBitrate = still && !index ? STILL_BITRATE : layers[index].maxBitrate;
      if (scales[index]) encoding.scaleResolutionDownBy = scales[index];
    });
  }
}

/** Of what is sent. @param {RTCRtpTransceiver} transceiver */
function preferVoice(transceiver) {
  prefer(transceiver, "audio", VOICE);
}

/** Of what is received. @param {RTCRtpTransceiver} transceiver */
export function takeVoices(transceiver) {
  prefer(transceiver, "audio", VOICES);
}

/** @param {RTCRtpTransceiver} transceiver */
function preferPicture(transceiver) {
  prefer(transceiver, "video", PICTURE);
}

/** Of what is received: others send what their encoders make. @param {RTCRtpTransceiver} transceiver */
export function takePictures(transceiver) {
  prefer(transceiver, "video", PICTURES);
}

/**
 * Offers only these codecs: every other one costs a few hundred bytes of SDP in each m-line.
 * @param {RTCRtpTransceiver} transceiver
 * @param {string} kind
 * @param {string[]} types in order of preference
 */
function prefer(transceiver, kind, types) {
  const known = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  const codecs = types.flatMap((type) => known.filter((codec) => codec.mimeType.toLowerCase() === type && fits(codec)));
  try {
    if (codecs.length) transceiver.setCodecPreferences(codecs);
  } catch {
    // Browsers differ in which list they accept; without it the offer is only longer.
  }
}

/** @param {RTCRtpCodec} codec @returns {boolean} whether it is one that the server forwards */
function fits({ mimeType, sdpFmtpLine = "" }) {
  return mimeType.toLowerCase() !== "video/h264" || (/packetization-mode=1/.test(sdpFmtpLine) && PROFILES.test(sdpFmtpLine));
}

/** @param {RTCPeerConnection} peer @param {RTCRtpEncodingParameters[]} sendEncodings */
function addVideo(peer, sendEncodings) {
  const layered = sendEncodings.map((encoding) => ({ ...encoding, scalabilityMode: "L1T3" }));
  try {
    return peer.addTransceiver("video", { direction: "sendonly", sendEncodings: layered });
  } catch {
    return peer.addTransceiver("video", { direction: "sendonly", sendEncodings });
  }
}

/**
 * By how much each layer that can be filled is scaled down. A small capture fills two: they take the sizes of the
 * upper two.
 * @param {Source} source
 * @param {MediaStreamTrack | null} track
 * @param {number} encodings that were negotiated
 * @returns {number[]}
 */
function scalesFor(source, track, encodings) {
  const scales = source === "camera" ? LAYERS.map((layer) => layer.scaleResolutionDownBy) : [1];
  if (encodings < scales.length || source === "screen") return scales.slice(-encodings);
  const { width = 960, height = 540 } = track?.getSettings() ?? {};
  return width * height < THREE_LAYERS_PIXELS ? scales.slice(1) : scales;
}
