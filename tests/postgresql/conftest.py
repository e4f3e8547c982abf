"""A PostgreSQL server of Debian's package on a free loopback port, in a folder of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest

from oncofhir.demo.process import free_port


def _programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "PostgreSQL is missing: apt-get install postgresql"
    return found[-1].parent


@pytest.fixture(scope="session")
def database():
    """The address of a database without tables. PostgreSQL refuses to run as root: it runs as its own user."""
    programs, port = _programs(), free_port()
    # not pytest's folder: no other user may enter that
    base = Path(tempfile.mkdtemp(prefix="oncofhir-postgresql-"))
    folder = base / "data"
    folder.mkdir()
    user = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    if user:
        entry = pwd.getpwnam("postgres")
        base.chmod(0o755)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    subprocess.run(
        [programs / "initdb", "-D", folder, "-A", "trust", "-U", "oncofhir", "-E", "UTF8"],
        check=True,
        capture_output=True,
        cwd="/",
        **user,
    )
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    start = [
        programs / "pg_ctl",
        "-D",
        folder,
        "-w",
        "-t",
        "60",
        "-o",
        options,
        "-l",
        folder / "log",
    ]
    subprocess.run([*start, "start"], check=True, cwd="/", stdout=subprocess.DEVNULL, **user)
    try:
        yield f"postgresql://oncofhir@127.0.0.1:{port}/postgres"
    finally:
        stop = [programs / "pg_ctl", "-D", folder, "-m", "immediate", "stop"]
        subprocess.run(stop, check=True, cwd="/", stdout=subprocess.DEVNULL, **user)
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def connection(database):
    with psycopg.connect(database, autocommit=True) as made:
        yield made
