"""A running node: an engine, driven over a transport, with the API that programs embed.

Rule of this room: `driver` alone carries effects out; everything else asks or is told.
"""

from crdtnode.node.core import Node as Node
from crdtnode.node.keyfile import default_path as default_path
from crdtnode.node.keyfile import new_keyring as new_keyring
from crdtnode.node.keyfile import read_keyring as read_keyring
from crdtnode.node.opening import open_node as open_node
from crdtnode.node.watching import Change as Change
from crdtnode.node.watching import MemberChange as MemberChange
from crdtnode.node.watching import NodeEvent as NodeEvent
