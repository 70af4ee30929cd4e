# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
pytest.register_assert_rewrite("bed")
import bed  # noqa: E402


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("the live tests load BPF programs and need root: sudo make test", returncode=2)
    if not os.access(bed.ONLOOKER, os.X_OK):
        pytest.exit(f"there is no {bed.ONLOOKER}: run make first", returncode=2)


@pytest.fixture(scope="session")
def directory():
    path = bed.temp_dir()
    yield path
    if not os.environ.get("KEEP"):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def nothing_stays_attached():
    before = bed.attached()
    yield
    left = bed.wait_for(lambda: not any(bed.attached()[k] - before[k] for k in before), timeout=10)
    assert left, "BPF programs or links of the tests stayed behind"


@pytest.fixture(scope="session")
def server(directory):
    s = bed.Server(os.path.join(directory, "server"))
    yield s
    s.close()


@pytest.fixture
def bench(tmp_path):
    b = bed.Bench(tmp_path)
    yield b
    b.close()


@pytest.fixture
def observe(server, bench):
    """Runs a client under onlooker and returns (run, the exchanges the server logged meanwhile)."""

    def go(cmd, *opts, count=None, kind="tls", env=None, **kw):
        mark = server.mark()
        run = bench.run(cmd, *opts, env=server.env(kind, **(env or {})), **kw)
        return run, server.exchanges(mark, count)

    return go


def pytest_addoption(parser):
    parser.addoption("--count-file", help="where the numbers of passed, failed and skipped tests go")


def pytest_terminal_summary(terminalreporter, config):
    """Skips are said loudly; the counts go where the runner adds them up."""
    count = {k: len(terminalreporter.stats.get(k, [])) for k in ("passed", "failed", "error", "skipped")}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        terminalreporter.write_line(f"SKIPPED {report.nodeid}: {reason}")
    if config.getoption("count_file"):
        with open(config.getoption("count_file"), "w", encoding="ascii") as f:
            f.write(f"{count['passed']} {count['failed'] + count['error']} {count['skipped']}\n")
