"""One named file from the package index that a person's own pip uses; fetched, checked, never run.

pip itself cannot be asked for it: to download a source distribution it runs the build inside. So pip is asked where its
index is, and the file is fetched by name and checksum. Formats: PEP 503 (HTML) and PEP 691 (JSON).
"""

import base64
import hashlib
import json
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from ..quantities.refusal import BadInput, RunFailed

_PAGE_BYTES = 50_000_000
_SECONDS = 60
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


@dataclass(frozen=True)
class Wanted:
    """A file of a package index. project: as the index spells it. filename, sha256 (hex) and size [bytes]: of it."""

    project: str
    filename: str
    sha256: str
    size: int


@dataclass(frozen=True)
class PipSettings:
    """What of a person's pip settings says where packages are. indexes: addresses. cert: file of certificates."""

    indexes: tuple[str, ...]
    cert: str | None


def fetch(wanted: Wanted, settings: PipSettings) -> bytes:
    """The bytes of a file of a package index, of the size and checksum that are wanted.

    Raises RunFailed where no index can be reached or has it, and where what came is not what was wanted. Addresses are
    not printed: they may hold passwords.
    """
    said = []
    for index in settings.indexes:
        try:
            address = _address_of(wanted, index, settings.cert)
            if address is None:
                said.append(f"the package index has no {wanted.filename}")
                continue
            return checked(_get(address, wanted.size + 1, settings.cert, index)[0], wanted)
        except (OSError, ValueError, ssl.SSLError) as error:
            said.append(f"the package index cannot be read ({_reason(error)})")
    why = ", and ".join(dict.fromkeys(said)) or "pip has no package index set up"
    raise RunFailed(
        f"{wanted.filename} was not fetched: {why}; check the network and pip's settings, or give the file itself"
    )


def checked(content: bytes, wanted: Wanted) -> bytes:
    """The same bytes; RunFailed unless they have the size and the checksum that are wanted."""
    found = hashlib.sha256(content).hexdigest()
    if len(content) != wanted.size or found != wanted.sha256:
        raise RunFailed(
            f"{wanted.filename}: {len(content)} bytes with sha256 {found[:16]}... came, {wanted.size} bytes with "
            f"sha256 {wanted.sha256[:16]}... are wanted; it was not opened: fetch it again, or from another index"
        )
    return content


def pip_settings() -> PipSettings:
    """Where this person's pip looks for packages, asked of pip itself. Raises BadInput where there is no pip."""
    scopes: dict[str, dict[str, str]] = {"global": {}, "download": {}, ":env:": {}}  # in pip's order: the last counts
    for line in _pip("config", "list").splitlines():
        key, _, value = line.partition("=")
        scope, _, name = key.rpartition(".")
        if scope in scopes:
            scopes[scope][name.replace("_", "-")] = value.strip().strip("'\"")
    found = {name: value for scope in scopes.values() for name, value in scope.items()}
    indexes = (
        [] if found.get("no-index", "").lower() in ("1", "true", "yes", "on") else [found.get("index-url") or _usual()]
    )
    indexes += re.split(r"\s+|\\n", found.get("extra-index-url", ""))
    return PipSettings(tuple(one for one in indexes if one), found.get("cert") or None)


def _usual() -> str:
    """The index that pip uses when nothing is set: no address stands in this program."""
    match = re.search(r"--index.url\s.*?\(default\s+(\S+?)\)", _pip("download", "--help"), re.S)
    return match[1] if match else ""


def _pip(*arguments: str) -> str:
    """What pip of this interpreter prints; the arguments are fixed texts of this module."""
    command = [sys.executable, "-m", "pip", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_SECONDS)
    if done.returncode:
        raise BadInput("there is no pip beside this Python to ask for its package index; give the file itself")
    return done.stdout


def _address_of(wanted: Wanted, index: str, cert: str | None) -> str | None:
    """Where an index says the file is; None where it has none."""
    project = re.sub(r"[-_.]+", "-", wanted.project).lower()
    page, kind, base = _get(f"{index.rstrip('/')}/{project}/", _PAGE_BYTES, cert, index)
    if "json" in kind:
        found = {file["filename"]: file["url"] for file in json.loads(page)["files"]}
    else:
        reader = _Links()
        reader.feed(page.decode("utf-8", "replace"))
        found = reader.found
    return urljoin(base, found[wanted.filename]) if wanted.filename in found else None


class _Links(HTMLParser):
    """The links of a page by the name of the file they lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list) -> None:
        link = dict(attrs).get("href") if tag == "a" else None
        if link:
            self.found[unquote(urlsplit(link).path.rsplit("/", 1)[-1])] = urlsplit(link)._replace(fragment="").geturl()


class _NotFollowed(ValueError):
    """A link of an index that is not followed; its text holds no address."""


def _get(address: str, most: int, cert: str | None, index: str) -> tuple[bytes, str, str]:
    """Bytes, content type and final address of what lies at an address, at most `most` bytes of it."""
    allowed = ("file",) if urlsplit(index).scheme == "file" else ("https", "http")
    parts = urlsplit(address)
    if parts.scheme not in allowed:
        raise _NotFollowed(f"a link to {parts.scheme or 'nowhere'}")
    if parts.scheme == "file":
        path = Path(urllib.request.url2pathname(parts.path))
        with open(path / "index.html" if path.is_dir() else path, "rb") as file:
            return file.read(most), "text/html", address
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=_host(parts))), headers={"Accept": _ACCEPT})
    home = urlsplit(index)
    if home.username and home.hostname == parts.hostname:
        secret = f"{unquote(home.username)}:{unquote(home.password or '')}"
        request.add_header("Authorization", "Basic " + base64.b64encode(secret.encode()).decode())
    context = ssl.create_default_context(cafile=cert) if parts.scheme == "https" else None
    with urllib.request.urlopen(request, timeout=_SECONDS, context=context) as answer:
        return answer.read(most), answer.headers.get("Content-Type", ""), answer.url


def _host(parts) -> str:
    return parts.netloc.rpartition("@")[2]


def _reason(error: Exception) -> str:
    """Why, without any address in it."""
    if isinstance(error, urllib.error.HTTPError):
        return f"status {error.code}"
    if isinstance(error, _NotFollowed):
        return str(error)
    inner = getattr(error, "reason", None) or getattr(error, "strerror", None)
    text = str(getattr(inner, "strerror", None) or inner or type(error).__name__)
    return text if "//" not in text else type(error).__name__
