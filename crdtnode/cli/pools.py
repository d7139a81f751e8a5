"""Worker processes that end with the command that started them."""

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import active_children


@contextmanager
def workers_end_with_us() -> Iterator[None]:
    """Where Ctrl-C comes, end all worker processes: what they have begun may take minutes."""
    try:
        yield
    except KeyboardInterrupt:
        for worker in active_children():
            worker.terminate()
        raise
