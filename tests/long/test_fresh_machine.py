"""A fresh Debian 12 in a chroot: nothing but Python, pip and git, then the two commands of the README.

The machine gets its packages from wherever this one is configured to get them: apt's sources, pip's settings, proxies
and TLS roots are taken from here.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.long, pytest.mark.root, pytest.mark.timeout(1800)]

SUITE = "bookworm"
PACKAGES = ["python3", "python3-pip", "git", "ca-certificates"]
ROOT = Path(__file__).resolve().parents[2]
TLS_ROOTS = "/etc/ssl/certs/ca-certificates.crt"
CHECK_LINE = re.compile(r"^check +(\d+)/\1 ordered host pairs as expected", re.MULTILINE)

# Runs inside new mount and pid namespaces, so that mounts and processes end with it. Arguments: the chroot, the
# directory of it to start in, the command; paths to share in SHARED.
ENTER = """
set -eu
machine=$1 directory=$2; shift 2
mount -t proc proc "$machine/proc"
mount -t sysfs sysfs "$machine/sys"
mount --rbind /dev "$machine/dev"
mount -t tmpfs tmpfs "$machine/run"
for path in $SHARED; do
    if [ -d "$path" ]; then mkdir -p "$machine$path"; else mkdir -p "$machine${path%/*}"; touch "$machine$path"; fi
    mount --bind "$path" "$machine$path"
done
exec chroot "$machine" sh -c 'cd "$1" && shift && exec "$@"' sh "$directory" "$@"
"""


def output(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def mirror() -> str:
    """Where this machine's apt gets Debian 12 from."""
    lines = output("apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages")
    for line in lines.splitlines():
        release, component, uri = line.split(" ", 2)
        if (release, component) == (SUITE, "main"):
            return uri
    pytest.skip(f"apt has no source for {SUITE} here")


def proxies() -> dict[str, str]:
    """Proxies of the environment, and apt's own, which debootstrap does not read."""
    names = [f"{scheme}_proxy" for scheme in ("http", "https", "all", "no")]
    found = {name: os.environ[name] for each in names for name in (each, each.upper()) if os.environ.get(name)}
    apt = output("apt-config", "shell", "proxy", "Acquire::http::Proxy")
    return found if not apt else {"http_proxy": shlex.split(apt)[0].removeprefix("proxy="), **found}


def pip_settings() -> dict[str, str]:
    """This machine's settings of pip, as environment variables; those of the environment win, as they do for pip."""
    settings = {}
    for line in output("python3", "-m", "pip", "config", "list").splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in ("global", "install"):
            settings[f"PIP_{name.replace('-', '_').upper()}"] = shlex.split(value)[0]
    return settings | {name: value for name, value in os.environ.items() if name.startswith("PIP_")}


def local_paths(settings: dict[str, str]) -> set[str]:
    """Directories and files of this machine that pip's settings name; of an index also what it links to, beside it."""
    words = [word for value in settings.values() for word in value.split()]
    indexes = [str(Path(word.removeprefix("file://")).parent) for word in words if word.startswith("file:///")]
    return {path for path in [*indexes, *words] if path.startswith("/") and path != "/" and Path(path).exists()}


class Machine:
    """A Debian installation below a directory, entered by chroot."""

    def __init__(self, path: Path) -> None:
        self.path = path
        settings = pip_settings()
        self.shared = {"/etc/resolv.conf", "/etc/hosts", TLS_ROOTS, *local_paths(settings)}
        self.environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": output("sh", "-c", "echo ~root").strip(),
            "LC_ALL": "C.UTF-8",
            **settings,
            **proxies(),
        }

    def run(
        self, *command: str, directory: str = "/", network: bool = True, share: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """A command inside, in namespaces of its own; without `network` not even the loopback interface is up."""
        namespaces = ["--mount", "--pid", "--fork", "--kill-child", *([] if network else ["--net"])]
        return subprocess.run(
            ["unshare", *namespaces, "sh", "-c", ENTER, "sh", str(self.path), directory, *command],
            env={**self.environment, "SHARED": " ".join(sorted({*self.shared, *share}))},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
        )


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """Debian 12 as small as it comes, with a clone of what is committed here in /weft."""
    if shutil.which("debootstrap") is None:
        pytest.skip("debootstrap is not installed; ./run long installs it")
    path = Path(tempfile.mkdtemp(prefix="weft-fresh-"))
    path.chmod(0o755)  # it becomes "/", which every user may enter
    try:
        include = f"--include={','.join(PACKAGES)}"
        subprocess.run(
            ["unshare", "--mount", "debootstrap", "--variant=minbase", include, SUITE, str(path), mirror()],
            env={**os.environ, **proxies()},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        made = Machine(path)
        repository = output("git", "-C", str(ROOT), "rev-parse", "--path-format=absolute", "--git-common-dir").strip()
        trust = ("-c", "safe.directory=*")
        cloned = made.run("git", *trust, "clone", "--quiet", repository, "/weft", share=(repository,))
        assert cloned.returncode == 0, cloned.stdout
        yield made
    finally:
        shutil.rmtree(path)


@pytest.fixture(scope="module")
def first_demo(machine: Machine) -> subprocess.CompletedProcess[str]:
    """How long this took, and the second one, is in pytest's table of durations; machines and networks differ."""
    return machine.run("./run", "demo", directory="/weft")


def test_machine_offers_no_shortcut(machine: Machine) -> None:
    for missing in ("gcc", "clang", "ip", "make", "curl"):
        assert machine.run("sh", "-c", f"command -v {missing}").returncode != 0, missing
    assert "ensurepip is not" in machine.run("python3", "-m", "venv", "/tmp/refused").stdout
    assert "externally-managed-environment" in machine.run("pip", "install", "click").stdout


def test_demo_works_on_a_fresh_machine(first_demo: subprocess.CompletedProcess[str]) -> None:
    assert first_demo.returncode == 0, first_demo.stdout
    assert CHECK_LINE.search(first_demo.stdout), first_demo.stdout
    assert "+ python3 -m venv --without-pip" in first_demo.stdout


def test_second_demo_changes_nothing_and_needs_no_network(
    machine: Machine, first_demo: subprocess.CompletedProcess[str]
) -> None:
    assert first_demo.returncode == 0, first_demo.stdout
    second = machine.run("./run", "demo", directory="/weft", network=False)
    assert second.returncode == 0, second.stdout
    assert CHECK_LINE.search(second.stdout), second.stdout
    assert not re.search(r"^\+ ", second.stdout, re.MULTILINE), second.stdout


def test_moved_checkout_is_set_up_anew(machine: Machine, first_demo: subprocess.CompletedProcess[str]) -> None:
    assert first_demo.returncode == 0, first_demo.stdout
    script = """
    set -e
    mkdir /moved
    tar -C /weft --exclude=ziglang -c . | tar -C /moved -x
    /moved/run weft version
    head -n1 /moved/.venv/bin/weft
    """
    moved = machine.run("sh", "-c", script)
    assert moved.returncode == 0, moved.stdout
    assert moved.stdout.splitlines()[-1] == "#!/moved/.venv/bin/python"


def test_wheel_built_there_carries_the_program_and_runs(machine: Machine) -> None:
    """`pip wheel` isolates the build: the hook has to name all it needs."""
    script = """
    set -e
    git -c safe.directory='*' clone --quiet /weft /source
    python3 -m pip wheel --quiet --no-deps --wheel-dir /wheels /source
    python3 -m zipfile --list /wheels/weft-*.whl
    python3 -m venv --without-pip /installed
    python3 -m pip --python /installed/bin/python install --quiet /wheels/weft-*.whl
    rm -r /source
    /installed/bin/weft lab up demo
    /installed/bin/weft lab test demo
    ls /wheels
    """
    done = machine.run("sh", "-c", script)
    assert done.returncode == 0, done.stdout
    assert CHECK_LINE.search(done.stdout), done.stdout
    assert re.search(r"^weft-[\d.]+-py3-none-any\.whl$", done.stdout, re.MULTILINE)
    for name in ("weft/dataplane/ebpf/weft.bpf.o", "weft/lab/demo.weft.yaml", "licenses/LICENSE"):
        assert name in done.stdout, name
    assert not re.search(r"^weft/\S+\.[ch] ", done.stdout, re.MULTILINE), done.stdout


def test_test_installs_its_programs_and_starts_no_service(
    machine: Machine, first_demo: subprocess.CompletedProcess[str]
) -> None:
    assert first_demo.returncode == 0, first_demo.stdout
    script = """
    ./run test tests/unit/values || exit
    test ! -e /usr/sbin/policy-rc.d || exit
    for process in /proc/[0-9]*; do cat $process/comm; done
    """
    done = machine.run("sh", "-c", script, directory="/weft", share=("/etc/apt/apt.conf.d",))
    assert done.returncode == 0, done.stdout
    assert re.search(r"^\+ env .*apt-get install .*frr", done.stdout, re.MULTILINE), done.stdout
    assert machine.run("test", "-x", "/usr/lib/frr/bgpd").returncode == 0
    running = done.stdout.splitlines()[-20:]
    assert not {"zebra", "bgpd", "watchfrr", "iperf3"} & set(running), running
