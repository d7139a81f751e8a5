"""Bytes and messages: what stands in a packet, and how it is sealed.

Rule of this room: bytes, keys, time and chance come in as arguments, and nothing that a peer can
send leaves it as anything but a message, `MalformedMessage` or `Rejected`. A seal is opened before
its content is parsed, since parsing is what costs.

* `messages`: the messages, as frozen data; start here.
* `codec`: messages to bodies and back. Beneath it `strict` (msgpack, distrusted), `fields` (types
  and ranges) and `items` (the long part of pushes and syncs).
* `keyring`: the cluster's keys and the text of their file. `ciphers`: keys of conversations.
* `seal`: datagrams. `frames`: streams.

A datagram is ``header 32 | body | tag 16``, at most 8 KiB; a stream is a greeting and then frames
of at most 256 KiB. Bodies are msgpack without bin and ext, so that everything can be shown as
JSON.
"""
