#!/usr/bin/ash
# Written by cdktf-passthrough: runs before udev's hook, which stands after it in HOOKS.

run_earlyhook() {
	sh "${PASSTHROUGH_ROOT:-}/etc/cdktf-passthrough/early" || :
}
