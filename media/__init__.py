"""The media plane: packets in, packets out, and how much of what."""
