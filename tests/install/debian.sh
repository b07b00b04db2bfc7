#!/bin/sh
# Install Debian packages; say which are missing where that cannot be done.
#   debian.sh [LIST ...]      lists beside this file; by default debian.txt, which the tests need
set -eu
here=$(dirname "$0")
[ $# -gt 0 ] || set -- debian.txt
missing=
for list in "$@"; do
  for package in $(grep -v '^#' "$here/$list"); do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
  done
done
# For axe-core, which looks at the pages, and scimmy, a SCIM service; Debian's npm conflicts with Node from elsewhere.
command -v npm >/dev/null || missing="$missing npm"
[ -n "$missing" ] || exit 0
# Services that packages would start are not wanted: tests and benchmarks start their own.
quietly="env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 SYSTEMD_OFFLINE=1"
install="$SUDO $quietly apt-get install -y -q --no-install-recommends$missing"
echo "Installing:$missing"
if ! { $SUDO apt-get update -q && $install; } >/dev/null; then
  echo "error: these Debian packages are missing and could not be installed:$missing" >&2
  echo "       as root: apt-get install --no-install-recommends$missing" >&2
  exit 1
fi
