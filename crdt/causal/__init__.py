"""The causal core: live dots over one context, and the one join that all causal types share.

A dot ``(replica, counter)`` is the identity of one update. A state holds the live dots, each with
the key it stands for, and the context: every dot it has seen. A dot in the context that is not
live was removed, so removing needs no tombstone. See `crdt.causal.causal` for the join,
`crdt.causal.store` for the state, `crdt.causal.runs` for how sets of counters are kept small.
"""

from __future__ import annotations

from crdt.causal.causal import Causal as Causal
