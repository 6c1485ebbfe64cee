#!/bin/sh
# The embedded host needs no other user: what may be run at all may be run as root.
while [ $# -gt 0 ]; do
  case $1 in
  --) shift && break ;;
  -u | -g | -p | -C) shift 2 ;;
  -*) shift ;;
  *) break ;;
  esac
done
unset SSH_CONNECTION SSH_CLIENT
exec env SUDO_USER="${USER:-root}" "$@"
