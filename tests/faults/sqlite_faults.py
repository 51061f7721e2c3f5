"""A disk whose fsync fails, for the SQLite of this process: no other library or privilege is needed for it.

SQLite reaches the system through a table of functions (its VFS, https://sqlite.org/vfs.html). The files that it opens
from now on get a copy of that table in which ``xSync`` is ours.
"""

import _sqlite3
import ctypes
import os
from pathlib import Path

_POINTER = ctypes.sizeof(ctypes.c_void_p)
_METHODS = 19
"""Words of struct sqlite3_io_methods, version 3: the version, and 18 functions."""
_X_SYNC = 5
_X_OPEN = 5
"""Words before ``xOpen`` in struct sqlite3_vfs, from where its three ints, padded, take two."""
_OK, _IOERR_FSYNC = 0, 10 | 4 << 8

_Open = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
_Sync = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_kept: list[object] = []
"""What C holds pointers to must not be collected."""


def install(order: Path) -> None:
    """From now on, every fsync of SQLite fails while the file `order` is there."""
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = ctypes.c_void_p
    vfs = _words(library.sqlite3_vfs_find(None), _X_OPEN + 1)
    usual_open = _Open(vfs[_X_OPEN] or 0)
    tables: dict[int, ctypes.Array[ctypes.c_void_p]] = {}

    def opened(vfs_address: int, name: int, file: int, flags: int, flags_out: int) -> int:
        result = usual_open(vfs_address, name, file, flags, flags_out)
        if result == _OK:
            methods = ctypes.c_void_p.from_address(file)
            assert methods.value is not None
            if methods.value not in tables:
                tables[methods.value] = _with_sync(methods.value, order)
            methods.value = ctypes.addressof(tables[methods.value])
        return int(result)

    ours = _Open(opened)
    _kept.extend((usual_open, ours, tables))
    vfs[_X_OPEN] = ctypes.cast(ours, ctypes.c_void_p).value


def _with_sync(address: int, order: Path) -> "ctypes.Array[ctypes.c_void_p]":
    table = (ctypes.c_void_p * _METHODS).from_buffer_copy(ctypes.string_at(address, _METHODS * _POINTER))
    usual = _Sync(table[_X_SYNC] or 0)
    # Bound here, because SQLite also calls while the interpreter is taken down and its modules are empty.
    access, name = os.access, os.fspath(order)

    def sync(file: int, flags: int) -> int:
        return _IOERR_FSYNC if access(name, 0) else int(usual(file, flags))

    ours = _Sync(sync)
    _kept.extend((usual, ours))
    table[_X_SYNC] = ctypes.cast(ours, ctypes.c_void_p).value
    return table


def _words(address: int, count: int) -> "ctypes.Array[ctypes.c_void_p]":
    return (ctypes.c_void_p * count).from_address(address)
