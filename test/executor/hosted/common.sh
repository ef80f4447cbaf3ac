# Shared by the scripts above: builds parts of the executor with a C library and a sanitizer.
# To be sourced, from the repository's top.
flags='-std=gnu17 -g -Wall -Wextra -Werror -Icore/executor'
batch_sources='core/executor/batch.c core/executor/lib.c core/executor/run.c core/executor/verify.c
  core/executor/ops_cgroup.c core/executor/ops_data.c core/executor/ops_gate.c
  core/executor/ops_list.c core/executor/ops_process.c core/executor/ops_relink.c
  core/executor/ops_compare.c core/executor/compare_member.c core/executor/sha256.c
  core/executor/ops_serve.c core/executor/ops_tree.c
  core/executor/owner.c core/executor/shed.c core/executor/words.c'

# The Node that the tests run with: the repository's own where it is there.
node=node_modules/.bin/node
[ -x "$node" ] || node=node

work=$(mktemp -d "${TMPDIR:-/tmp}/vserver-hosted.XXXXXX")
trap 'rm -rf "$work"' EXIT
