"""Two people whose cores talk over simulated links, and what one of them gets."""

from itertools import pairwise

from media.stream.send import SendStream
from media.testing.call import Call
from media.testing.client import Client
from media.testing.link import LinkSettings
from media.testing.receiver import VideoReceiver
from media.testing.sender import Camera
from media.testing.traffic import CAMERA, EncodingSettings

PLAIN = (EncodingSettings("", 640, 360, 300_000),)
NEAR = LinkSettings(delay=((0.0, 0.01),))


def lossy(loss: float) -> LinkSettings:
    return LinkSettings(delay=((0.0, 0.01),), loss=loss)


def pair(
    call: Call,
    camera: tuple[EncodingSettings, ...] = CAMERA,
    *,
    up: LinkSettings = NEAR,
    down: LinkSettings = NEAR,
    descriptor: bool = False,
    takes_descriptor: bool | None = None,
    feedback: bool = False,
) -> tuple[Client, Client]:
    """Alice, who sends sound and picture, and Bob, who receives them. Without feedback from Bob the relay
    sends him all that he wishes for."""
    alice = call.join("alice", microphone=True, camera=camera, up=up, descriptor=descriptor)
    takes = descriptor if takes_descriptor is None else takes_descriptor
    bob = call.join("bob", slots=1, down=down, descriptor=takes, feedback=feedback)
    call.bind(bob, 0, alice)
    return alice, bob


def stream(call: Call, receiver: Client, slot: int = 0) -> SendStream:
    found = call.core(receiver).slots[slot].video
    assert found is not None
    return found


def camera_of(client: Client) -> Camera:
    assert client.camera is not None
    return client.camera


def widths(receiver: VideoReceiver) -> list[int]:
    """The sizes of the pictures shown, each once in a row."""
    found = [shown.width for shown in receiver.shown]
    return [found[0]] + [b for a, b in pairwise(found) if a != b]
