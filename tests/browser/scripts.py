"""What tests have pages do and tell: scripts that several files share."""

from __future__ import annotations

# Is the middle of it what one would touch there?
ON_TOP = """selector => {
    const element = document.querySelector(selector);
    const {x, y, width, height} = element.getBoundingClientRect();
    return element.contains(document.elementFromPoint(x + width / 2, y + height / 2));
}"""
# Collects what is said to screen readers from now on.
SAID = """() => {
    const said = [];
    const look = (changes) => {
        for (const {addedNodes} of changes) for (const {textContent} of addedNodes) said.push(textContent);
    };
    for (const id of ["polite", "urgent"]) {
        new MutationObserver(look).observe(document.getElementById(id), {childList: true});
    }
    return said;
}"""
# The fake microphone only beeps once a second: a voice that goes on.
SPEAK = """async () => {
    const context = new AudioContext();
    await context.resume();
    const voice = new OscillatorNode(context, {type: "sawtooth", frequency: 180});
    const mouth = context.createMediaStreamDestination();
    voice.connect(mouth);
    voice.start();
    const sender = window.peers.at(-1).getSenders().find(({track}) => track?.kind === "audio");
    await sender.replaceTrack(mouth.stream.getAudioTracks()[0]);
}"""
# Keeps what the page says from now on.
OVERHEAR = """() => {
    const told = [];
    const {send} = WebSocket.prototype;
    WebSocket.prototype.send = function (text) {
        told.push(JSON.parse(text));
        send.call(this, text);
    };
    return told;
}"""
# What fades in has its colours only at the end; what breathes for ever is decoration.
SETTLED = """async () => {
    // A new size moves the tiles from the second frame on.
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
    await Promise.all(document.getAnimations()
        .filter(animation => animation.effect.getComputedTiming().iterations !== Infinity)
        .map(animation => animation.finished.catch(() => {})));
}"""
# The page is hidden, or shown again.
HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
# Pills, words on a tile and one's own picture that cover each other or leave the window.
MESS = """() => {
    const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    const box = element => element.getBoundingClientRect();
    const floats = self => [...document.querySelectorAll(".tile")]
        .some(tile => tile !== self && overlap(box(tile), box(self)));
    const pills = [...document.querySelectorAll(".room-top > *, .camera .tile-words > *, .tile.self")]
        .filter(pill => pill.checkVisibility() && (!pill.matches(".tile.self") || floats(pill)));
    const boxes = pills.map(box);
    const faults = pills.filter((pill, i) => boxes[i].left < 0 || boxes[i].right > innerWidth
        || pill.scrollWidth > pill.clientWidth + 1).map(pill => pill.id || pill.className);
    boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b, j) => {
        if (overlap(a, b)) faults.push(`${pills[i].textContent} and ${pills[i + j + 1].textContent}`);
    }));
    return faults;
}"""
