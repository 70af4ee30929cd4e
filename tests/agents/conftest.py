# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import shutil
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live")]
pytest.register_assert_rewrite("bed", "net")
import bed  # noqa: E402
import net  # noqa: E402


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("these tests load BPF programs and make namespaces: sudo make test-agents", returncode=2)
    if not os.access(bed.ONLOOKER, os.X_OK):
        pytest.exit(f"there is no {bed.ONLOOKER}: run make first", returncode=2)


def pytest_addoption(parser):
    parser.addoption("--count-file", help="where the numbers of passed, failed and skipped tests go")
    parser.addoption("--coverage-file", help="where the rows of the coverage table go")


@pytest.fixture(scope="session")
def the_net(request):
    path = bed.temp_dir()
    n = net.Net(path, request.config.getoption("coverage_file"))
    yield n
    n.close()
    if not os.environ.get("KEEP"):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def fake(the_net, tmp_path):
    """The fake providers, for one test: its files, and onlooker runs that end with it."""
    desk = net.Desk(the_net, tmp_path)
    yield desk
    desk.close()


@pytest.fixture(scope="session", autouse=True)
def nothing_stays_attached():
    before = bed.attached()
    yield
    left = bed.wait_for(lambda: not any(bed.attached()[k] - before[k] for k in before), timeout=20)
    assert left, "BPF programs or links of the tests stayed behind"


def pytest_terminal_summary(terminalreporter, config):
    """Skips are said loudly; the counts go where the runner adds them up."""
    count = {k: len(terminalreporter.stats.get(k, [])) for k in ("passed", "failed", "error", "skipped")}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        terminalreporter.write_line(f"SKIPPED {report.nodeid}: {reason}")
    if config.getoption("count_file"):
        with open(config.getoption("count_file"), "w", encoding="ascii") as f:
            f.write(f"{count['passed']} {count['failed'] + count['error']} {count['skipped']}\n")
