#!/bin/sh
# Every program that acts on the machine is this one: it asks the machine to do what the program of its name does.
program=${0##*/}
host=${0%/bin/*}
PATH=$PASSTHROUGH_SYSTEM_PATH

call=$host/run/$$
rm -rf "$call"
mkdir "$call" && mkfifo "$call/reply" || exit 1
printf '%s\n' "$program" >"$call/program"
for argument in "$@"; do printf '%s\0' "$argument"; done >"$call/arguments"
if [ "$program" = embedded-tee ]; then cat >"$call/input"; fi

# Open both ways: the answer may come before this side reads.
exec 3<>"$call/reply"
printf '%s\n' "$$" >"$host/run/calls"
read -r code <&3
cat "$call/output"
cat "$call/errors" >&2
rm -rf "$call"
exit "$code"
