#!/bin/sh
# Applies the plans that plan.sh made, and nothing else: what changed since then is an error, not another plan.
# Stacks that wait for others are named in that order: apply.sh racks desktops
set -eu

[ $# -gt 0 ] || {
	echo "Which stacks? Name them in the order in which they wait for each other." >&2
	exit 2
}
for stack; do
	(
		cd "cdktf.out/stacks/$stack"
		terraform init -input=false
		terraform apply -input=false -lock-timeout=30m plan
	)
done
