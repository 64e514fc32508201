"""What RTP carries: codec payload headers, read without decoding a picture or a sound."""
