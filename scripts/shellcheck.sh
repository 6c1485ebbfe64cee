#!/bin/sh
# Checks every shell script that git knows, also those not committed yet.
set -eu
cd "$(dirname "$0")/.."
if ! command -v shellcheck >/dev/null; then
	echo "shellcheck is missing. Install it: apt install shellcheck, dnf install ShellCheck, or brew install shellcheck." >&2
	exit 1
fi
git ls-files -z --cached --others --exclude-standard -- '*.sh' .ci/run | xargs -0 shellcheck -s sh
