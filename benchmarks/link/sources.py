"""What microphones and cameras of a run deliver: speech, and a moving, numbered picture. Speech has no long
pauses, or people take turns.

Speech is espeak-ng's (Debian's package). Without it, a buzz through moving formants at the pace of syllables
takes its place; a report says which it was.
"""

from __future__ import annotations

import shutil
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.link import marks

RATE = 48_000  # Hz
SPEECH_SECONDS = 40
LEVEL = 0.1  # RMS of full scale: -20 dBFS
TURN = 5.0  # s that somebody speaks, and then is silent, where people take turns
PAUSE = 0.12  # s: no pause in the speech is longer, so that a silence at the receiver is a loss
QUIET = 0.006  # amplitude below which speech pauses
WIDTH, HEIGHT, FRAME_RATE = 960, 540, 30
VIDEO_FRAMES = 300  # then from the start

Samples = NDArray[np.float32]

# Different words and voices: two equal voices would be an echo to Chromium's canceller.
TEXTS = (
    "Tell me how the journey was this morning. You were afraid that the train would be full, and that you "
    "would have to stand near the doors. I remember that we made a plan for it last week, with the breathing "
    "and with the music. Take your time, there is no hurry at all. While you think about it, notice your "
    "feet "
    "on the floor and the sounds around you. When the doors closed, what went through your mind first, and "
    "what did you do then? Some people count the stations, others look out of the window and name colours. "
    "Every one of these ways is good if it works for you, and every small step is worth a great deal.",
    "It went better than I had thought, really. At first my heart was beating fast and my hands were "
    "cold, so "
    "I looked for the blue things in the carriage, as we said. There was a blue jacket, a blue bag and a "
    "child "
    "with blue shoes who kept singing the same line of a song. After three stations I noticed that I had "
    "forgotten to be afraid for a while. Then the train stopped in the tunnel and it came back, but not as "
    "strong as before. I told myself that it would go on soon, and it did. My sister could not believe "
    "that I "
    "came all the way on my own, and in the evening I slept well for the first time in many weeks.",
)
VOICES = (("en-gb", 40, 165), ("en-us+f3", 62, 160))  # voice, pitch, words a minute


@dataclass(frozen=True, slots=True)
class Sources:
    """Files for Chromium's fake devices."""

    speech: tuple[Path, Path]  # 48 kHz mono, of the near and of the far person
    turns: tuple[Path, Path]  # the same with pauses
    video: Path  # YUV4MPEG2
    synthetic: bool  # speech is a substitute


def make(directory: Path) -> Sources:
    espeak = shutil.which("espeak-ng")
    speech, turns = [], []
    for index in range(2):
        samples = _spoken(espeak, directory, index) if espeak else _babble(index)
        speech.append(_write(directory / f"speech-{index}.wav", samples))
        turns.append(_write(directory / f"turns-{index}.wav", _in_turns(samples, first=index == 0)))
    video = directory / "camera.y4m"
    _film(video)
    return Sources((speech[0], speech[1]), (turns[0], turns[1]), video, synthetic=espeak is None)


def _spoken(espeak: str, directory: Path, index: int) -> Samples:
    voice, pitch, pace = VOICES[index]
    raw = directory / "espeak.wav"
    options = ["-v", voice, "-p", str(pitch), "-s", str(pace), "-w", str(raw)]
    subprocess.run([espeak, *options, TEXTS[index]], check=True, capture_output=True, timeout=60)
    with wave.open(str(raw)) as file:
        rate = file.getframerate()
        data = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
    at = np.arange(int(len(data) * RATE / rate)) * rate / RATE
    samples = np.interp(at, np.arange(len(data)), data).astype(np.float32)
    return _fit(_without_pauses(samples))


def _without_pauses(samples: Samples) -> Samples:
    """Pauses cut to PAUSE."""
    block = RATE // 100
    count = len(samples) // block
    blocks = samples[: count * block].reshape(count, block)
    quiet = np.sqrt((blocks**2).mean(axis=1)) < QUIET
    kept, run = [], 0
    for index in range(count):
        run = run + 1 if quiet[index] else 0
        if run * 0.01 <= PAUSE:
            kept.append(index)
    return blocks[kept].reshape(-1)


def _in_turns(samples: Samples, *, first: bool) -> Samples:
    """Speech for TURN seconds, silence for as long; `first`: speech comes first."""
    turn = (np.arange(len(samples)) // int(TURN * RATE)) % 2
    return np.where(turn == (0 if first else 1), samples, np.float32(0))


def _babble(index: int) -> Samples:
    """Pulses at a gliding pitch through two gliding resonances, four syllables a second."""
    rng = np.random.default_rng(index)
    time = np.arange(SPEECH_SECONDS * RATE) / RATE
    syllables = np.arange(0, SPEECH_SECONDS + 1, 0.25)

    def glide(low: float, high: float) -> NDArray[np.float64]:
        return np.interp(time, syllables, rng.uniform(low, high, len(syllables)))

    phase = np.cumsum((1 + index) * glide(90, 130)) / RATE * 2 * np.pi
    first, second = glide(300, 800), glide(900, 2400)
    total = np.zeros(len(time))
    for harmonic in range(1, 24):
        frequency = harmonic * np.gradient(phase) * RATE / (2 * np.pi)
        gain = 1 / (1 + ((frequency - first) / 120) ** 2) + 0.5 / (1 + ((frequency - second) / 180) ** 2)
        total += gain * np.sin(harmonic * phase)
    swell = np.interp(time, syllables, rng.uniform(0.3, 1.0, len(syllables)))
    return _fit((total * swell).astype(np.float32))


def _fit(samples: Samples) -> Samples:
    """Repeated or cut to SPEECH_SECONDS, at LEVEL."""
    samples = np.resize(samples, SPEECH_SECONDS * RATE)
    return np.clip(samples * LEVEL / np.sqrt((samples**2).mean()), -0.9, 0.9).astype(np.float32)


def _write(path: Path, samples: Samples) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def _film(path: Path) -> None:
    """A head that moves before a still room, with a camera's noise: it costs what a person costs."""
    rng = np.random.default_rng(1)
    room = cv2.GaussianBlur(rng.integers(0, 255, (HEIGHT, WIDTH), np.uint8), (0, 0), 9)
    room = cv2.normalize(room, None, 50, 130, cv2.NORM_MINMAX)
    hair = cv2.GaussianBlur(rng.integers(0, 255, (HEIGHT, WIDTH), np.uint8), (0, 0), 2)
    hair = cv2.normalize(hair, None, 30, 210, cv2.NORM_MINMAX)
    noise = rng.integers(-3, 4, (8, HEIGHT, WIDTH)).astype(np.int16)
    grain = [plane.clip(0, 255).astype(np.uint8) for plane in noise + 3]
    chroma = np.full((2, HEIGHT // 2, WIDTH // 2), 128, np.uint8).tobytes()
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FRAME_RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(VIDEO_FRAMES):
            angle = 2 * np.pi * number / VIDEO_FRAMES
            centre = (int(WIDTH / 2 + 90 * np.sin(3 * angle)), int(HEIGHT * 0.58 + 22 * np.sin(8 * angle)))
            head = np.zeros((HEIGHT, WIDTH), np.uint8)
            cv2.ellipse(head, centre, (130, 180), 6 * np.sin(5 * angle), 0, 360, 255, -1)
            moved = np.roll(hair, (centre[1] - HEIGHT // 2, centre[0] - WIDTH // 2), (0, 1))
            picture = np.where(head > 0, moved, room)
            mouth = int(6 + 16 * abs(np.sin(40 * angle)))
            cv2.ellipse(picture, (centre[0], centre[1] + 90), (45, mouth), 0, 0, 360, 25, -1)
            picture = cv2.add(picture, grain[number % len(grain)])
            marks.draw(picture, number)
            file.write(b"FRAME\n" + picture.tobytes() + chroma)
