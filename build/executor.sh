#!/bin/sh
# Compiles core/executor/*.c to dist/executor: one static file without a C library. As small as can be: the
# kernel maps 64 KiB of code at a page fault, and more than that would cost every run another one. What few runs need lies behind (VS_LATE, late.ld).
set -eu
cd "$(dirname "$0")/.."
mkdir -p dist
"${CC:-gcc}" -std=gnu17 -Oz -flto=auto -Wall -Wextra -Werror \
  -ffreestanding -fno-builtin -nostdlib -static -fno-pie -no-pie \
  -fno-stack-protector -fno-ident -fno-strict-aliasing -fno-asynchronous-unwind-tables -fcf-protection=none \
  -fno-tree-loop-distribute-patterns -ffunction-sections -fdata-sections \
  -Wl,--gc-sections,--build-id=none,-z,noexecstack,-z,max-page-size=4096,-z,noseparate-code,-z,norelro \
  -Wl,--fatal-warnings,-T,core/executor/late.ld -s -o "dist/executor.$$" core/executor/*.c
mv "dist/executor.$$" dist/executor
