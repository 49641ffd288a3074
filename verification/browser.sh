#!/bin/sh
# Finds a browser for the tests that open a report in one, and installs Debian's where that is possible.
# Prints its path. Status 1, with what to do, where there is none: those tests are then skipped, and say so.
set -u
find_browser() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" && return 0
    done
    return 1
}
find_browser && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1
    find_browser && exit 0
fi
echo "no browser: install Chromium (Debian: apt-get install chromium) for the tests in verification/test_browser.py" >&2
exit 1
