# What `passthrough review --json` says of a plan, held against a policy of yours.
#
#   passthrough review --json cdktf.out | conftest test --policy examples/ci/policy -
#   passthrough review --json cdktf.out | opa eval --data examples/ci/policy --stdin-input 'data.main.deny'
package main

import rego.v1

# Another version may mean something else by the same words.
deny contains "this policy reads version 1 of the review" if input.version != 1

deny contains message if {
	some host in input.hosts
	host.reboot.required == null
	message := sprintf("%s may reboot, and only the apply knows: plan again with the host", [host.name])
}

deny contains message if {
	input.summary.rebootsAtOnce > 1
	message := sprintf("%d hosts may reboot at the same time", [input.summary.rebootsAtOnce])
}

deny contains message if {
	some host in input.hosts
	some risk in host.risks
	risk.introduced
	risk.kind in {"unsafe-interrupts", "acs-override", "critical-device"}
	message := sprintf("%s: %s (%s)", [host.name, risk.kind, risk.subject])
}

# A storage controller that changes hands while its host does not reboot: look twice.
warn contains message if {
	some host in input.hosts
	some device in host.devices
	device.changesHands
	startswith(device.class, "01")
	message := sprintf("%s: storage controller %s %s changes hands", [host.name, device.address, device.name])
}
