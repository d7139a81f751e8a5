"""Bytes and messages: what stands in a packet, and how it is sealed."""
