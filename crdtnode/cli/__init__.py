"""The command line: one small file per group of commands.

Rule of this room: starting costs next to nothing. `main` knows only names; a command's file is
imported when the command runs, and what talks to a daemon imports neither trio nor msgpack.
"""
