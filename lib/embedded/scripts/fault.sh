#!/bin/sh
# Stands before a program that is to go wrong; the machine says whether this start does.
program=${0##*/}
host=${0%/faults/*}
"$host/bin/embedded-fault" "$program" "$@"
code=$?
if [ "$code" -ne 75 ]; then exit "$code"; fi
if [ -x "$host/bin/$program" ]; then exec "$host/bin/$program" "$@"; fi
exec "$(PATH=$PASSTHROUGH_SYSTEM_PATH command -v "$program")" "$@"
