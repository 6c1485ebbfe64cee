import type { Step } from "../../../lib/model/change";
import { drain, resume } from "../../../lib/hypervisors/opennebula/drain";
import { device, frontEnd, host, vm } from "./frontEnd";

const node = (state: string, running: string, devices: Parameters<typeof host>[2] = []) => {
  const made = host("0", "node1", devices);
  const share = made["HOST_SHARE"] as object;
  return { ...made, STATE: state, HOST_SHARE: { ...share, RUNNING_VMS: running } };
};
const commands = (steps: readonly Step[]) =>
  steps.map((step) => ("command" in step ? `${step.step} ${step.command.slice(6).join(" ")}` : step.step));

test("a host without VMs is disabled, and enabled afterwards", () => {
  const facts = frontEnd({ hosts: [node("2", "0")] });
  const { steps, resumes } = drain(facts, "one", "node1", { flush: true });
  expect([commands(steps), resumes]).toEqual([["command onehost disable 0"], true]);
  expect(commands(resume(frontEnd({ hosts: [node("4", "0")] }), "one", "0"))).toEqual([
    "command onehost enable 0",
  ]);
});

test("its VMs move away first, and that is waited for", () => {
  const { steps } = drain(frontEnd({ hosts: [node("2", "3")] }), "one", "node1", { flush: true });
  expect(commands(steps)).toEqual(["command onehost flush 0", "await onehost show -j 0"]);
  expect(steps[1]).toMatchObject({ pattern: '"RUNNING_VMS": *"0"' });
});

test("without a flush nothing that runs is moved", () => {
  const { steps } = drain(frontEnd({ hosts: [node("2", "3")] }), "one", "node1", { flush: false });
  expect(commands(steps)).toEqual(["command onehost disable 0"]);
});

test("a host that somebody has disabled stays so", () => {
  const facts = frontEnd({ hosts: [node("4", "0")] });
  expect(drain(facts, "one", "node1", { flush: false })).toEqual({ steps: [], resumes: false });
  expect(resume(frontEnd({ hosts: [node("2", "0")] }), "one", "node1")).toEqual([]);
});

test("a VM that runs with a device of the host cannot move", () => {
  const facts = frontEnd({
    hosts: [node("2", "1", [device("01:00.0 10de:1e84:0300", "42")])],
    vms: [vm("42", "workstation", "3", "0", {})],
  });
  expect(() => drain(facts, "one", "node1", { flush: true })).toThrow(
    "Unable to flush node1: VM 42 (workstation) runs with PCI devices of it and cannot move",
  );
});

test("an unknown host is named with those that there are", () => {
  expect(() => drain(frontEnd({ hosts: [node("2", "0")] }), "one", "node9", { flush: true })).toThrow(
    "OpenNebula on one has no host node9. It has: node1 (0).",
  );
});
