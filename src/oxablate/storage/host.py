"""What the machine says of itself, asked without starting a program or opening a socket."""

import platform
from pathlib import Path

_MEMORY = Path("/proc/meminfo")


def free_memory() -> int:
    """Memory that a program can still take without paging [bytes].

    Linux says so in a file. Elsewhere psutil is asked, which on being imported binds a socket to see what the machine
    can do; where it can be had for nothing, that is nothing a run should do.
    """
    if _MEMORY.is_file():
        for line in _MEMORY.read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    import psutil

    return int(psutil.virtual_memory().available)


def machine() -> str:
    """System, release and kind of processor, such as "Linux-6.1-x86_64"; `platform.platform` would start `uname`."""
    return "-".join(filter(None, (platform.system(), platform.release(), platform.machine())))
