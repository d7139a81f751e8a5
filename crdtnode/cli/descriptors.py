"""Takes as many file descriptors as the system allows.

Rule of this file: it is for the daemon, which is alone in its process.

Each client of the API holds one, and so does each stream of the gossip; a node that has none left
cannot repair. Most systems hand out 1,024 and allow many more to who asks.
"""

import resource


def take_all() -> int:
    """Raise this process's limit to what it may have, and return that."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
