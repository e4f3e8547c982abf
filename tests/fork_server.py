"""Forks processes that run a Python module as `python -m MODULE` does, from a process that has imported it before.

A start costs some 20 ms in place of a second of imports. Each is a process of its own otherwise: it gets signals,
can be killed, has its own environment, folder and files, and ends as the interpreter ends. It has no state of the
tests, whose process has threads and cannot be forked.

A request is one byte with five files: the request's JSON, stdin, stdout, stderr, and a pipe. Into the pipe go the
pid, and when the process has ended its status: two lines.
"""

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import sys

_FILES = 5


def serve(control: socket.socket) -> list[str] | None:
    """Fork for each request; return what to run in each child, and None once the other end is closed."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    signal.set_wakeup_fd(theirs.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # Ctrl-C is for the tests, which then close the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipes: dict[int, int] = {}
    imported: set[str] = set()
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(ours, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is ours:
                    ours.recv(4096)
                    _report_ended(pipes)
                    continue
                byte, files, _, _ = socket.recv_fds(control, 1, _FILES)
                if not byte:
                    return None
                with os.fdopen(files[0], encoding="utf-8") as file:
                    request = json.load(file)
                _import_all(request["packages"], imported)
                # Blocked, it waits: Python forgets signals that come before a child has run its first line.
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
                signal.signal(signal.SIGINT, signal.default_int_handler)
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for end in (control, ours, theirs):
                        end.close()
                    selector.close()
                    _become(request, files[1:4], [files[4], *pipes.values()])
                    return [request["module"], *request["arguments"]]
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
                for number in files[1:4]:
                    os.close(number)
                pipes[pid] = files[4]
                _write_number(files[4], pid)


def _write_number(pipe: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it
        os.write(pipe, b"%d\n" % number)


def _report_ended(pipes: dict[int, int]) -> None:
    for pid in list(pipes):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            pipe = pipes.pop(pid)
            _write_number(pipe, os.waitstatus_to_exitcode(status))
            os.close(pipe)


def _import_all(packages: list[str], imported: set[str]) -> None:
    """Import what is not yet imported, and share its memory with the children."""
    if new := set(packages) - imported:
        for package in sorted(new):
            _import_below(package)
        imported.update(new)
        gc.collect()
        gc.freeze()


def _import_below(package: str) -> None:
    """Import a module, or a package with all modules below it."""
    found = importlib.import_module(package)
    for each in pkgutil.iter_modules(getattr(found, "__path__", ()), f"{package}."):
        _import_below(each.name)


def _become(request: dict, files: list[int], others: list[int]) -> None:
    """Give this process the files, the environment and the folder that were asked for."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    for number in {*files, *others}:
        os.close(number)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=stream is sys.stderr or stream.isatty())
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])


if __name__ == "__main__":
    command = serve(socket.socket(fileno=int(sys.argv[1])))
    if command is not None:
        sys.argv = command
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        runpy.run_module(command[0], run_name="__main__", alter_sys=True)
