"""A daemon asks for all descriptors that it may have."""

import resource
import subprocess
import sys

import pytest

FEW = 256

ASKING = f"""
import resource
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, ({FEW}, most))
from crdtnode.cli.descriptors import take_all
print(take_all(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.process
def test_a_daemon_takes_as_many_descriptors_as_it_may_have() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    said = subprocess.run(
        [sys.executable, "-c", ASKING], capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == [str(most)] * 3
