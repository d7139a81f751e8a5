"""``crdtnode demo``: three real nodes, a partition and a heal, on this machine."""

from crdtnode.cli.demo.command import demo as demo
