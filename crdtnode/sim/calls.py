"""Which calls the writes of a plan may make.

Rule of this file: a call is refused for what its type declares, before anything runs. What depends on
the state of an object is the type's own business.
"""

from crdt.catalogue import type_of
from crdtnode.node.mutators import mutators, signature_text
from crdtnode.sim.document import nearest
from crdtnode.sim.link import PlanError


def check_call(tag: str, method: str, args: tuple[object, ...], place: str) -> None:
    """Refuse what is no mutator of the type with this tag, or takes other arguments.

    Raises:
        PlanError: The message begins with the place, and names the nearest method.
    """
    calls = mutators(type_of(tag))
    signature = calls.get(method)
    if signature is None:
        raise PlanError(f"{place}.method: {tag} has no {method!r}{nearest(method, calls)}")
    try:
        signature.bind(*args)
    except TypeError as error:
        raise PlanError(f"{place}.args: {method}{signature_text(signature)}: {error}") from None
