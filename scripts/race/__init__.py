"""What `bench_cluster.py` runs: one process per member, ours or serf's, that all obey one protocol.

`agent` has that protocol, `ours` and `serf` a member each, `course` the hosts and who runs on them,
`measures` the figures.
"""
