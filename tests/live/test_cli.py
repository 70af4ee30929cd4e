# SPDX-License-Identifier: Apache-2.0
"""The command line is a contract: exit statuses, one clear sentence, and CMD's own output left alone."""

import json
import os
import shutil
import subprocess
import tempfile

import pytest

import bed

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("script, status", [("exit 0", 0), ("exit 3", 3), ("exit 255", 255), ("kill -TERM $$", 143),
                                            ("kill -9 $$", 137), ("kill -SEGV $$", 139)])
def test_exit_status(bench, script, status):
    assert bench.run(["sh", "-c", script], check=False).status == status


def test_command_that_cannot_start(bench, tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("no program")
    run = bench.run(["/nonexistent/program"], check=False)
    assert run.status == 127 and "/nonexistent/program" in run.err
    run = bench.run([str(plain)], check=False)
    assert run.status == 126 and str(plain) in run.err


def test_output_is_left_alone(bench):
    run = bench.run(["sh", "-c", "cat; echo out; echo err >&2"], stdin=subprocess.DEVNULL)
    assert run.out == "out\n" and run.err == "err\n"


def test_input_is_handed_on(bench):
    file = bench.file()
    p = bench.start("run", "--file", file, "--", "cat", stdin=subprocess.PIPE)
    out, _ = p.communicate(b"through\n", timeout=30)
    assert out == b"through\n" and p.returncode == 0


def test_terminal_view_on_stderr(bench, server):
    """Without --file and --otlp, run draws on stderr after CMD; stdout stays CMD's."""
    body = '{"model":"drawn","messages":[],"stream":true,"stream_options":{"include_usage":true}}'
    p = bench.start("run", "--", "curl", "-sS", "-d", body, server.url() + "/v1/chat/completions", env=server.env())
    run = bench.finish(p)
    assert run.status == 0 and "chat drawn" in run.err and "chat drawn" not in run.out
    assert run.out.startswith("data: ") and "curl" in run.err


def test_file_on_stdout(bench):
    p = bench.start("run", "--file", "-", "--quiet", "--", "sh", "-c", "exit 0")
    run = bench.finish(p)
    assert [s["process.exit.code"] for s in bed.read_spans(run.out)] == [0]


@pytest.mark.parametrize("args", [["run"], ["run", "--nonsense", "--", "true"], ["run", "--content", "some", "--", "true"],
                                  ["run", "--file"], ["run", "--file", "--", "true"], ["nonsense"], ["record", "--", "true"], ["replay"],
                                  ["watch", "--pid", "abc"], ["watch", "word"], ["run", "--otlp", "", "--", "true"]])
def test_usage(bench, args):
    run = bench.finish(bench.start(*args))
    assert run.status == 2 and run.err.strip() and not run.out


def test_help_and_version(bench):
    for args in (["--help"], ["run", "--help"], ["watch", "--help"], ["replay", "--help"]):
        run = bench.finish(bench.start(*args))
        assert run.status == 0 and "onlooker" in run.out and not run.err
    run = bench.finish(bench.start("--version"))
    assert run.status == 0 and run.out.split()[0] == "onlooker"


@pytest.fixture
def open_dir():
    """A directory and a copy of onlooker that nobody can reach."""
    d = tempfile.mkdtemp(prefix="onlooker-nobody-")
    os.chmod(d, 0o777)
    shutil.copy(bed.ONLOOKER, f"{d}/onlooker")
    yield d
    shutil.rmtree(d)


def nobody(open_dir, *args):
    return subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", f"{open_dir}/onlooker",
                           *args], capture_output=True, text=True, timeout=30, cwd=open_dir, check=False)


@pytest.mark.parametrize("args", [["run", "--file", "out.jsonl", "--", "true"], ["watch"],
                                  ["record", "-o", "r.rec", "--", "true"]])
def test_without_privilege(open_dir, args):
    got = nobody(open_dir, *args)
    assert got.returncode == 1
    assert len(got.stderr.strip().splitlines()) == 1, got.stderr
    assert "root" in got.stderr or "CAP_" in got.stderr, got.stderr


def test_check(bench):
    run = bench.finish(bench.start("check"))
    assert run.status == 0 and run.out
    run = bench.finish(bench.start("check", "--json"))
    assert json.loads(run.out)


def test_status_without_watch(bench):
    run = bench.finish(bench.start("status"))
    assert run.status == 1 and len(run.err.strip().splitlines()) == 1


def test_unwritable_file(bench):
    run = bench.finish(bench.start("run", "--file", "/nonexistent/dir/spans", "--", "true"))
    assert run.status == 1 and len(run.err.strip().splitlines()) == 1
    assert "/nonexistent/dir/spans" in run.err


def test_disk_full(bench, tmp_path):
    """The file cannot grow any more: said once, CMD goes on, its status is ours."""
    full = tmp_path / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(full)], check=True)
    try:
        script = "i=0; while [ $i -lt 120 ]; do /bin/true; i=$((i+1)); done; exit 5"
        run = bench.finish(bench.start("run", "--file", full / "spans", "--", "sh", "-c", script))
        assert run.status == 5
        assert len([line for line in run.err.splitlines() if "space" in line.lower()]) == 1, run.err
    finally:
        subprocess.run(["umount", str(full)], check=True)


def test_owner_of_files(bench, tmp_path):
    """Under sudo, files belong to the caller and CMD runs as the caller."""
    os.chmod(tmp_path, 0o777)
    for p in tmp_path.parents:
        if str(p).startswith("/tmp/"):
            os.chmod(p, os.stat(p).st_mode | 0o011)
    file = bench.file()
    env = dict(os.environ, SUDO_UID="65534", SUDO_GID="65534", SUDO_USER="nobody")
    run = bench.run(["id", "-u"], file=file, env=env)
    assert run.out.strip() == "65534"
    st = os.stat(file)
    assert (st.st_uid, st.st_gid, st.st_mode & 0o777) == (65534, 65534, 0o600)
    run = bench.run(["id", "-u"], "--user", "root", env=env)
    assert run.out.strip() == "0"
