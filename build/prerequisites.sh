#!/bin/sh
# Installs the system packages that are missing, on a Debian-like machine.
#
#     sh build/prerequisites.sh [build|start|test]
#
# Says what is missing and how to get it where it cannot install it itself. Runs before anything of
# npm's does, so it is POSIX sh and needs nothing but apt-get.
set -eu

missing=
wants=${1:-build}

need() { # PACKAGE, then a command that is true when it is there
  package=$1
  shift
  "$@" >/dev/null 2>&1 || missing="$missing $package"
}

# A library of the linker's, for static linking. gcc prints the bare name of what it does not find.
library() {
  path=$(gcc -print-file-name="$1") && [ "$path" != "$1" ]
}

shared_library() {
  for directory in /lib /usr/lib /lib64 /usr/lib64 /lib/*-linux-gnu /usr/lib/*-linux-gnu; do
    [ ! -e "$directory/$1" ] || return 0
  done
  return 1
}

compiler_runtime() {
  path=$(clang -print-file-name=libclang_rt.fuzzer-x86_64.a) && [ -e "$path" ] ||
    { path=$(clang -print-file-name=libclang_rt.fuzzer.a) && [ -e "$path" ]; }
}

# The dynamic busybox has the same name.
static_busybox() {
  path=$(command -v busybox) && ! readelf -l "$path" | grep -q INTERP
}

need libatomic1 shared_library libatomic.so.1
need gcc command -v gcc
need binutils command -v strip
need libc6-dev library libc.a
need linux-libc-dev test -e /usr/include/linux/mount.h
need libzstd-dev library libzstd.a
need libmd-dev library libmd.a
case $wants in test)
  need mmdebstrap command -v mmdebstrap
  ;;
esac
case $wants in test)
  need clang command -v clang
  need llvm command -v llvm-cov
  need libclang-rt-dev compiler_runtime
  need zstd command -v zstd
  need xz-utils command -v xz
  need acl command -v setfacl
  need attr command -v getfattr
  need libcap2-bin test -x /sbin/setcap -o -x /usr/sbin/setcap
  need e2fsprogs test -x /sbin/mkfs.ext4 -o -x /usr/sbin/mkfs.ext4
  need zsh command -v zsh
  need fish command -v fish
  need bsdutils command -v script
  need openssl command -v openssl
  need tinyproxy-bin command -v tinyproxy
  # The lab: machines, what is on their disks, and where that comes from.
  need qemu-system-x86 command -v qemu-system-x86_64
  need busybox-static static_busybox
  need kmod test -x /sbin/depmod -o -x /usr/sbin/depmod
  need musl-tools command -v musl-gcc
  need xfsprogs test -x /sbin/mkfs.xfs -o -x /usr/sbin/mkfs.xfs
  need btrfs-progs test -x /sbin/mkfs.btrfs -o -x /usr/sbin/mkfs.btrfs
  need debian-archive-keyring test -e /usr/share/keyrings/debian-archive-keyring.gpg
  ;;
esac

# npm's own Node may be older: the one that builds and is carried comes from package-lock.json.
if ! command -v npm >/dev/null 2>&1; then
  echo 'prerequisites: npm is missing: install Node.js 20 or newer with npm (apt-get install nodejs npm)' >&2
  exit 1
fi
[ "$(uname -m)" = x86_64 ] || {
  echo "prerequisites: vserver is built on x86_64 only for now, and this is $(uname -m)" >&2
  exit 1
}
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "prerequisites: missing:$missing" >&2
  echo "  this machine has no apt-get: install what your distribution calls these Debian packages" >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo "prerequisites: missing:$missing" >&2
  echo "  as root: apt-get install$missing" >&2
  exit 1
fi
echo "prerequisites: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
install() {
  # shellcheck disable=SC2086
  apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends $missing >&2
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The package lists may be missing or old.
if ! { install || { apt-get -q update && install; }; } >"$log" 2>&1 </dev/null; then
  tail -n 20 "$log" >&2
  echo "prerequisites: apt-get could not install$missing" >&2
  echo "  try it by hand: apt-get update && apt-get install$missing" >&2
  exit 1
fi
