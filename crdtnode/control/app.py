"""The table of routes."""

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.routing import Route, Router
import trio

from crdtnode.control.batch import BatchAnswer
from crdtnode.control.cluster import Cluster
from crdtnode.control.events import Events
from crdtnode.control.guards import App, Guard
from crdtnode.control.measurements import Measurements
from crdtnode.control.objects import Objects
from crdtnode.node import Node


class _Anything(Convertor[str]):
    """A part of a path that may hold slashes and line ends, so that bad names are told apart."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("anything", _Anything())


def application(node: Node, closing: trio.Event) -> App:
    """Return the ASGI application that speaks for a node.

    Args:
        node: Whom it speaks for.
        closing: Ends the streams when it is set.
    """
    cluster, objects, events = Cluster(node), Objects(node), Events(node, closing)

    async def batch(request: Request) -> BatchAnswer:
        return BatchAnswer(node)

    routes = [
        Route("/healthz", cluster.healthy),
        Route("/readyz", cluster.ready),
        Route("/metrics", Measurements(node).show),
        Route("/v1/status", cluster.status),
        Route("/v1/diff", cluster.diff),
        Route("/v1/stats", cluster.stats),
        Route("/v1/members", cluster.members, methods=["GET"]),
        Route("/v1/members", cluster.join, methods=["POST"]),
        Route("/v1/members/{name:anything}", cluster.forget, methods=["DELETE"]),
        Route("/v1/leave", cluster.leave, methods=["POST"]),
        Route("/v1/faults/isolate", cluster.isolate, methods=["POST"]),
        Route("/v1/faults/heal", cluster.heal, methods=["POST"]),
        Route("/v1/batch", batch, methods=["POST"]),
        Route("/v1/events", events.stream),
        Route("/v1/objects", objects.listing),
        Route("/v1/objects/{rest:anything}", objects.one, methods=["GET", "PUT", "POST", "DELETE"]),
    ]
    # The bare router: the application around it would answer errors before our guard can.
    return Guard(Router(routes))
