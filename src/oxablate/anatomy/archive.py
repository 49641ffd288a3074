"""Named data members of a source distribution, read into memory: nothing else is unpacked, nothing is run."""

import io
import tarfile
from collections.abc import Mapping

from ..quantities.refusal import RunFailed

#: Most members of an archive that are looked at, and most bytes of all of them together.
_MEMBERS, _BYTES = 10_000, 1_000_000_000


def data_members(archive: bytes, wanted: Mapping[str, int]) -> dict[str, bytes]:
    """The content of some members of a .tar.gz by their names.

    wanted: {name: most bytes}. Only plain files of exactly these names are read, so that no path, link or device of
    the archive has any effect. Raises RunFailed for a damaged archive, one that is larger than it may be, and a member
    that is missing, twice there, too large, or no plain file.
    """
    try:
        return _read(archive, wanted)
    except RunFailed:
        raise
    except Exception as error:  # tarfile, gzip and zlib raise many kinds
        raise RunFailed(f"the archive is damaged ({type(error).__name__}); fetch it again") from error


def _read(archive: bytes, wanted: Mapping[str, int]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    total = 0
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r|gz") as members:
        for number, member in enumerate(members):
            total += member.size
            if number >= _MEMBERS or total > _BYTES:
                raise RunFailed("the archive holds more than it may; it was not unpacked")
            if member.name not in wanted:
                continue
            if not member.isreg() or member.name in found or member.size > wanted[member.name]:
                raise RunFailed(f"the member {member.name} of the archive is not the plain file it should be")
            file = members.extractfile(member)
            content = b"" if file is None else file.read(member.size)
            if len(content) != member.size:
                raise RunFailed(f"the member {member.name} of the archive is cut short; fetch it again")
            found[member.name] = content
    for name in wanted:
        if name not in found:
            raise RunFailed(f"the archive holds no {name}; it is not the one that is known here")
    return found
