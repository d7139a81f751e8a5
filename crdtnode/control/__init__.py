"""The door for people and programs on this host: HTTP on a unix socket, in the node's own loop.

Rule of this room: it translates. Requests become calls of a `Node`, what they raise becomes a
problem document (RFC 9457) that names the field, and mutations pass the validators that the wire
has. `server.serve` opens the door; `places` says where it is, and imports next to nothing, since
the command line needs that at every start.
"""
