/** One machine may be host of several systems: a device has one user among all of them. */
import { claims } from "../../lib/hypervisors/registry";
import { inUse } from "../../lib/provider/bindingProblems";
import { hostdev, kvm } from "./libvirt/host";
import { hostFacts } from "../support/facts";

const card = hostdev("0000:01:00.0");
// A front end that is its own host: OpenNebula makes a domain for its VM 42.
const allInOne = {
  ...kvm({ "one-42": { live: card, persistent: false } }),
  opennebula: { pciConf: null, hosts: "", vms: "", templates: "", networks: "", failure: null },
};

test("a VM that OpenNebula runs on its own front end is a user of the card", () => {
  expect(claims(allInOne)).toEqual([
    expect.objectContaining({ vmId: "one-42", address: "0000:01:00.0", inUse: true }),
  ]);
});

test("and a binding does not take the card away from it", () => {
  expect(inUse("kvm1", allInOne, ["0000:01:00.0"])).toEqual([
    expect.objectContaining({
      severity: "error",
      summary: "0000:01:00.0 of kvm1 is in use",
      detail: expect.stringContaining("VM one-42 runs with it") as string,
    }),
  ]);
  expect(inUse("kvm1", allInOne, ["0000:02:00.0"])).toEqual([]);
});

test("a host of no system has no users", () => {
  expect(claims(hostFacts())).toEqual([]);
});
