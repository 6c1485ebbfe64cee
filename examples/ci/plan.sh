#!/bin/sh
# Plans every stack of the app and reviews them together: review.md is the comment, rest.md what had no room in it.
# Ends with 3 where rules.json asks for somebody's approval.
set -eu

npx cdktf synth
for stack in cdktf.out/stacks/*/; do
	# Not with -chdir: Terraform looks for the provider that synth has placed before it changes the folder.
	(
		cd "$stack"
		terraform init -input=false
		terraform plan -input=false -lock-timeout=10m -out=plan
	)
done
npx passthrough review cdktf.out --gate rules.json --rest rest.md >review.md
