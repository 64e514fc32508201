"""What tests of the edge send."""

from media.rtp.packet import RtpHeader

HEADER = RtpHeader(96, 1, 0, 77).serialize()
REPORT = bytes.fromhex("80c9000100000001")
