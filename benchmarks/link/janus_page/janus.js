/** A client of Janus's VideoRoom plugin, as plain as can be: one publisher handle, one subscriber handle. */
"use strict";

const ROOM = 1;
const KEEPALIVE_MS = 20000; // sessions end after 60 s without
const LAYERS = [
  { rid: "h", maxBitrate: 1_500_000, scalabilityMode: "L1T3" },
  { rid: "m", maxBitrate: 500_000, scaleResolutionDownBy: 2, scalabilityMode: "L1T3" },
  { rid: "l", maxBitrate: 150_000, scaleResolutionDownBy: 4, scalabilityMode: "L1T3" },
];

let socket;
let session = 0;
let feed = 0;
const answers = new Map(); // transaction -> resolve, reject

/** Publishes. @param {string} url @param {boolean} camera */
async function join(url, camera) {
  socket = new WebSocket(url, "janus-protocol");
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  socket.onmessage = ({ data }) => receive(JSON.parse(data));
  session = (await ask({ janus: "create" })).data.id;
  setInterval(() => ask({ janus: "keepalive" }), KEEPALIVE_MS);
  const handle = await attach();
  await message(handle, { request: "create", room: ROOM, publishers: 2, bitrate: 0 }).catch(() => {}); // it is there
  const joined = await message(handle, { request: "join", ptype: "publisher", room: ROOM });
  feed = joined.plugindata.data.id;

  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    video: camera && { width: 960, height: 540, frameRate: 30 },
  });
  const peer = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle" });
  peer.addTransceiver(stream.getAudioTracks()[0], { direction: "sendonly" });
  if (camera) {
    const [track] = stream.getVideoTracks();
    const video = peer.addTransceiver(track, { direction: "sendonly", sendEncodings: LAYERS });
    const codecs = RTCRtpReceiver.getCapabilities("video").codecs;
    video.setCodecPreferences(codecs.filter(({ mimeType }) => ["video/VP8", "video/rtx"].includes(mimeType)));
  }
  trickle(peer, handle);
  await peer.setLocalDescription(await peer.createOffer());
  const jsep = { type: "offer", sdp: peer.localDescription.sdp };
  const published = await message(handle, { request: "publish" }, jsep);
  await peer.setRemoteDescription(published.jsep);
  await connected(peer);
}

/** Receives the other one, whom it waits for. */
async function subscribe() {
  const handle = await attach();
  const other = await otherFeed(handle);
  const asked = { request: "join", ptype: "subscriber", room: ROOM, streams: [{ feed: other, substream: 2, temporal: 2 }] };
  const attached = await message(handle, asked);
  const peer = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle" });
  peer.ontrack = ({ track }) => {
    document.getElementById(track.kind === "audio" ? "sound" : "picture").srcObject = new MediaStream([track]);
  };
  await peer.setRemoteDescription(attached.jsep);
  trickle(peer, handle);
  await peer.setLocalDescription(await peer.createAnswer());
  await message(handle, { request: "start" }, { type: "answer", sdp: peer.localDescription.sdp });
  await connected(peer);
}


async function otherFeed(handle) {
  for (;;) {
    const said = await message(handle, { request: "listparticipants", room: ROOM });
    const other = said.plugindata.data.participants.find(({ id, publisher }) => publisher && id !== feed);
    if (other) return other.id;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Janus starts to answer when it knows a candidate of ours, or that there are no more. */
function trickle(peer, handle) {
  peer.onicecandidate = ({ candidate }) => {
    void ask({ janus: "trickle", handle_id: handle, candidate: candidate ?? { completed: true } });
  };
}

function connected(peer) {
  return new Promise((resolve) => {
    const look = () => peer.connectionState === "connected" && resolve();
    peer.addEventListener("connectionstatechange", look);
    look();
  });
}

async function attach() {
  return (await ask({ janus: "attach", plugin: "janus.plugin.videoroom" })).data.id;
}

async function message(handle, body, jsep) {
  const said = await ask({ janus: "message", handle_id: handle, body, ...(jsep && { jsep }) });
  const error = said.plugindata?.data?.error;
  if (error) throw new Error(`Janus refused ${body.request}: ${error}`);
  return said;
}

function ask(request) {
  const transaction = crypto.randomUUID();
  const answered = new Promise((resolve, reject) => answers.set(transaction, { resolve, reject }));
  socket.send(JSON.stringify({ ...request, transaction, ...(session && { session_id: session }) }));
  return answered;
}

function receive(said) {
  const waiting = answers.get(said.transaction);
  // An "ack" says that the answer comes later; none does to a candidate or a keepalive.
  if (!waiting || said.janus === "ack") return;
  answers.delete(said.transaction);
  if (said.janus === "error") waiting.reject(new Error(said.error.reason));
  else waiting.resolve(said);
}
