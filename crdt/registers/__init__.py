"""Registers whose replicas converge: they hold the last, the greatest, the least or all values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt.homes import late

if TYPE_CHECKING:
    from crdt.registers.extremes import MaxRegister as MaxRegister
    from crdt.registers.extremes import MinRegister as MinRegister
    from crdt.registers.lww import LWWRegister as LWWRegister
    from crdt.registers.multivalue import MVRegister as MVRegister
else:
    __getattr__, __dir__, __all__ = late(__name__)
