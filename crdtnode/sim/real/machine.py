"""One real machine: a host on a wire, and the process that runs on it, if any.

Rule of this file: signals and lines of JSON; what they are for is `run`'s business.
"""

from collections.abc import Callable
from contextlib import suppress
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
from typing import Any

from crdtnode.config import DEFAULT_PORT
from crdtnode.sim.real.wires import Wire

CLUSTER = "simulation"

Answer = Callable[[dict[str, Any]], None]


class Machine:
    """A host and its process.

    Attributes:
        name: The node's name in the plan.
        wire: Its cable.
        lives: Number of processes started here so far.
        gone: True once its node has left, or while it has not joined yet.
    """

    def __init__(self, name: str, wire: Wire, log: Path) -> None:
        self.name = name
        self.wire = wire
        self.lives = 0
        self.gone = False
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self._numbers = 0
        self._answers: dict[int, Answer] = {}
        self._answered = threading.Condition()
        self._ready = threading.Event()

    @property
    def address(self) -> str:
        """Where its node listens."""
        return f"{self.wire.address}:{DEFAULT_PORT}"

    @property
    def up(self) -> bool:
        """True while a process runs here."""
        return self._process is not None and self._process.poll() is None

    def start(self, seeds: list[str]) -> None:
        """Start a process; `wait_ready` waits until its node runs."""
        self.lives += 1
        self.gone = False
        self._ready.clear()
        command = [*self.wire.within(), sys.executable, "-m", "crdtnode.sim.real.node"]
        command += ["--name", self.name, "--bind", self.address, "--cluster", CLUSTER]
        for seed in seeds:
            command += ["--join", seed]
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()

    def wait_ready(self, seconds: float) -> bool:
        """Wait until the node says that it runs."""
        return self._ready.wait(seconds)

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                said = json.loads(line)
                if "ready" in said:
                    self._ready.set()
                    continue
                with self._answered:
                    answer = self._answers.pop(said["number"], None)
                    if answer is not None:
                        answer(said)
                    self._answered.notify_all()

    def tell(self, order: dict[str, object], answer: Answer) -> None:
        """Give an order; the answer comes when the process can, or never."""
        with self._answered:
            self._numbers += 1
            number = self._numbers
            self._answers[number] = answer
        process = self._process
        if process is not None and process.stdin is not None:
            with suppress(OSError, ValueError):  # it has just died
                process.stdin.write(json.dumps({**order, "number": number}) + "\n")
                process.stdin.flush()

    def ask(self, what: str, seconds: float = 5.0) -> dict[str, Any] | None:
        """Give an order and wait for the answer; None where none comes in time."""
        said: list[dict[str, Any]] = []
        self.tell({"do": what}, said.append)
        with self._answered:
            self._answered.wait_for(lambda: said, seconds)
        return said[0] if said else None

    def pause(self) -> None:
        """Let the process stand still."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.up:
            os.kill(self._process.pid, number)

    def crash(self) -> None:
        """Kill the process, as a power cut would: no goodbye."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            with suppress(OSError):
                if process.stdin is not None:
                    process.stdin.close()

    def leave(self) -> None:
        """Let the node say goodbye and its process end."""
        process = self._process
        self.ask("leave")
        self.gone = True
        if process is not None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(5.0)
        self.crash()
