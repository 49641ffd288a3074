"""Whose mistake an error is: damaged files make libraries raise nearly anything, but so do slips of this package."""

_SLIPS = (NameError, AttributeError, ImportError, TypeError)
_PACKAGE = __name__.partition(".")[0]


def is_own_slip(error: BaseException) -> bool:
    """Whether an error is one that programmers make and was raised in a frame of this package.

    Such an error says nothing of the file and passes the doors as it is. The same raised in a frame of a library is
    what a damaged file does to it.
    """
    frame = error.__traceback__
    if frame is None or not isinstance(error, _SLIPS):
        return False
    while frame.tb_next is not None:
        frame = frame.tb_next
    return frame.tb_frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE
