"""The table of routes."""

from collections.abc import Mapping

import trio

from crdtnode.control.batch import BatchAnswer
from crdtnode.control.cluster import Cluster
from crdtnode.control.events import Events
from crdtnode.control.exchange import Answering, App, Handler, Request
from crdtnode.control.guards import Guard
from crdtnode.control.measurements import Measurements
from crdtnode.control.objects import Objects
from crdtnode.control.problems import Problem
from crdtnode.node import Node


def application(node: Node, closing: trio.Event) -> App:
    """Return what answers requests for a node.

    Args:
        node: Whom it speaks for.
        closing: Ends the streams when it is set.
    """
    cluster, objects, events = Cluster(node), Objects(node), Events(node, closing)

    async def batch(request: Request) -> BatchAnswer:
        return BatchAnswer(node)

    return Guard(
        Routes(
            {
                "/healthz": {"GET": cluster.healthy},
                "/readyz": {"GET": cluster.ready},
                "/metrics": {"GET": Measurements(node).show},
                "/v1/status": {"GET": cluster.status},
                "/v1/diff": {"GET": cluster.diff},
                "/v1/stats": {"GET": cluster.stats},
                "/v1/members": {"GET": cluster.members, "POST": cluster.join},
                "/v1/members/": {"DELETE": cluster.forget},
                "/v1/leave": {"POST": cluster.leave},
                "/v1/faults/isolate": {"POST": cluster.isolate},
                "/v1/faults/heal": {"POST": cluster.heal},
                "/v1/batch": {"POST": batch},
                "/v1/events": {"GET": events.stream},
                "/v1/objects": {"GET": objects.listing},
                "/v1/objects/": dict.fromkeys(("GET", "PUT", "POST", "DELETE"), objects.one),
            }
        ).answer
    )


class Routes:
    """Finds who answers a request.

    Args:
        table: Handlers by path and method. A path that ends with a slash stands for all below it;
            GET answers HEAD, too.
    """

    def __init__(self, table: Mapping[str, Mapping[str, Handler]]) -> None:
        self._table = table
        self._folders = [path for path in table if path.endswith("/")]

    async def answer(self, request: Request) -> Answering:
        """Have a request answered.

        Raises:
            Problem: There is nothing at its path, or its method is not for it.
        """
        path = next((one for one in self._folders if request.path.startswith(one)), request.path)
        methods = self._table.get(path)
        if methods is None:
            raise Problem(404, "there is nothing at this path")
        handler = methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            raise Problem(405, "this method is not for this path")
        return await handler(request)
