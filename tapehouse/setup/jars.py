"""Jars from Maven Central, resolved by the Ivy that pyspark ships, each checked against the committed checksum."""

from __future__ import annotations  # a Python that is too old must come as far as to hear it

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tapehouse.paths import JARS, LOCAL_CONFIGURATION, STATE
from tapehouse.setup.environment import site_packages
from tapehouse.setup.errors import SetupError

CONFIGURATION = LOCAL_CONFIGURATION / "jars"
LOCK = CONFIGURATION / "jars.sha256"
MODULES, ZOOKEEPER = ("spark", "kafka"), "kafka39"
# where Red Hat's and Debian's systems keep them for every Java; their password is the same everywhere and no secret
TRUST_STORES = (Path("/etc/pki/ca-trust/extracted/java/cacerts"), Path("/etc/ssl/certs/java/cacerts"))


def resolve(java_home: Path, modules: Sequence[str] = MODULES, *, lock: bool = False) -> None:
    """Bring each module's jars into its folder. What is there and right is kept; what differs is an error.

    With `lock` the checksums of all modules are written anew.
    """
    modules = [*MODULES, ZOOKEEPER] if lock else modules
    for module in modules:
        if lock or not _is_complete(module):
            _retrieve(java_home, module)
    if lock:
        _write_lock()
    wrong = [
        name
        for module in modules
        for name, digest in _of(module).items()
        if not _matches(JARS / name, digest)
    ]
    strange = [
        str(jar.relative_to(JARS))
        for jar in JARS.glob("*/*.jar")
        if str(jar.relative_to(JARS)) not in _locked()
    ]
    if wrong or strange:
        raise SetupError(
            "jars are not what was locked",
            f"missing or different: {', '.join(wrong[:5]) or 'none'}; not expected: {', '.join(strange[:5]) or 'none'}",
            f"remove {JARS} and {STATE / 'ivy'}, and repeat; if a version was changed on purpose: make lock",
        )


def are_there(modules: Sequence[str] = MODULES) -> bool:
    """Whether each locked jar has its file; their bytes were checked when they came."""
    return LOCK.exists() and all((JARS / name).exists() for module in modules for name in _of(module))


def _retrieve(java_home: Path, module: str) -> None:
    ivy = next((site_packages() / "pyspark" / "jars").glob("ivy-*.jar"))
    target = JARS / module
    shutil.rmtree(target, ignore_errors=True)
    java = [
        str(java_home / "bin" / "java"),
        f"-Dtapehouse.ivy={STATE / 'ivy'}",
        *_trust(java_home),
        "-cp",
        str(ivy),
        "org.apache.ivy.Main",
    ]
    wanted = [
        "-settings",
        str(CONFIGURATION / "ivysettings.xml"),
        "-ivy",
        str(CONFIGURATION / f"{module}.xml"),
    ]
    kinds = [
        "-confs",
        "default",
        "-types",
        "jar",
        "bundle",
        "-retrieve",
        f"{target}/[artifact]-[revision].[ext]",
    ]
    done = subprocess.run([*java, *wanted, *kinds], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(
            f"the jars of {module} could not be resolved from Maven Central",
            "\n".join(
                line.strip() for line in done.stdout.splitlines() if " error " in line or ":: " in line
            )[-800:]
            or done.stderr[-400:],
            "check the network, then repeat `make setup`",
        )


def _trust(java_home: Path) -> list[str]:
    """For our own runtime, the authorities that this machine trusts: a company's own may stand before Maven Central."""
    if STATE not in java_home.parents:
        return []
    store = next((path for path in TRUST_STORES if path.exists()), None)
    return (
        [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit"]
        if store
        else []
    )


def _is_complete(module: str) -> bool:
    return LOCK.exists() and all(_matches(JARS / name, digest) for name, digest in _of(module).items())


def _matches(jar: Path, digest: str) -> bool:
    return jar.exists() and hashlib.sha256(jar.read_bytes()).hexdigest() == digest


def _of(module: str) -> dict[str, str]:
    return {name: digest for name, digest in _locked().items() if name.startswith(f"{module}/")}


def _locked() -> dict[str, str]:
    lines = LOCK.read_text().splitlines() if LOCK.exists() else []
    return {name: digest for digest, name in (line.split() for line in lines)}


def _write_lock() -> None:
    jars = sorted(JARS.glob("*/*.jar"))
    lines = [f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.relative_to(JARS)}\n" for jar in jars]
    LOCK.write_text("".join(lines))
