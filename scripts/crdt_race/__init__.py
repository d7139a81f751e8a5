"""The race behind ``scripts/bench_crdt.py``.

`works` says what is run, `entrants` who runs, one file for each library, `measure` how time and
memory are taken, `table` how it is shown. An entrant is a class with a ``name`` and a method for
each work that it can do; the method prepares everything and returns what is to be timed.
"""
