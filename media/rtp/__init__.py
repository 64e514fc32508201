"""RTP and RTCP on the wire: bytes to facts and back. Pure functions, no state."""
