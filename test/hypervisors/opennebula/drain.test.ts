import type { Step } from "../../../lib/model/change";
import type { ManagedMark } from "../../../lib/model/manager";
import {
  closeSteps,
  flushObstacles,
  flushSteps,
  guestsOn,
  isOpen,
  openSteps,
  startSteps,
} from "../../../lib/hypervisors/opennebula/drain";
import { device, frontEnd, host, vm, type Things } from "./frontEnd";

const node = (state: string, devices: Parameters<typeof host>[2] = [], id = "0") => ({
  ...host(id, `node${Number(id) + 1}`, devices),
  STATE: state,
});
const commands = (steps: readonly Step[]) =>
  steps.map((step) => ("command" in step ? step.command.slice(6).join(" ") : step.step));
const guests = (things: Things, moves = true) => guestsOn(frontEnd(things), "one", "node1", moves);
const runs = (id: string, on = "0") => vm(id, `vm${id}`, "3", on, {});
const gpu = device("01:00.0 10de:1e84:0300", "42");

test("a host without VMs is only disabled", () => {
  const found = guests({ hosts: [node("2")], vms: [runs("43", "1"), vm("44", "off", "8", "0", {})] });
  expect([flushObstacles(found, false), commands(closeSteps(found)), commands(flushSteps(found))]).toEqual([
    [],
    ["onehost disable 0"],
    [],
  ]);
});

test("its VMs move, those with its devices power off first where that is asked for", () => {
  const found = guests({
    hosts: [node("2", [gpu]), node("2", [], "1")],
    vms: [runs("42"), runs("43")],
  });
  expect(flushObstacles(found, false)).toEqual([
    expect.stringMatching(/^VM 42 \(vm42\) cannot move: it has PCI devices of node1/),
  ]);
  expect(flushObstacles(found, true)).toEqual([]);
  expect(commands(closeSteps(found))).toEqual(["onehost disable 0", "onevm poweroff 42"]);
  expect(commands(flushSteps(found))).toEqual(["onehost flush 0"]);
});

test("without a flush nothing that runs is moved", () => {
  const found = guests({ hosts: [node("2")], vms: [runs("43")] }, false);
  expect(flushObstacles(found, false)).toHaveLength(1);
  expect([commands(closeSteps(found)), commands(flushSteps(found))]).toEqual([
    ["onehost disable 0", "onevm poweroff 43"],
    [],
  ]);
});

test.each(["4", "7", "8", "3"])("nowhere to move while the other host is in state %s", (state) => {
  const found = guests({ hosts: [node("2"), node(state, [], "1")], vms: [runs("43")] });
  expect(flushObstacles(found, true)).toEqual(["VM 43 (vm43) would move, and no other host takes VMs"]);
});

test("a host that somebody has disabled is not disabled again, nor enabled", () => {
  expect(commands(closeSteps(guests({ hosts: [node("4")] })))).toEqual([]);
  const mark = { host: "0", ours: false, stopped: [] } as unknown as ManagedMark;
  const facts = frontEnd({ hosts: [node("4")] });
  expect([openSteps(facts, "one", mark), isOpen(facts, "one", mark)]).toEqual([[], true]);
});

test("what was ours is given back once, and VMs that are gone or run already are left", () => {
  const stopped = ["42", "43", "44"].map((id) => ({ id, name: `vm${id}` }));
  const mark = { host: "0", ours: true, stopped } as unknown as ManagedMark;
  const vms = [vm("42", "vm42", "8", "0", {}), runs("43")];
  const facts = (state: string) => frontEnd({ hosts: [node(state)], vms });
  expect(commands(openSteps(facts("4"), "one", mark))).toEqual(["onehost enable 0"]);
  expect(openSteps(facts("2"), "one", mark)).toEqual([]);
  expect(commands(startSteps(facts("2"), "one", mark))).toEqual(["onevm resume 42"]);
  expect(["0", "6", "3", "2", "1"].map((state) => isOpen(facts(state), "one", mark))).toEqual([
    ...[false, false, false, true, true],
  ]);
  expect(openSteps(frontEnd({}), "one", mark)).toEqual([]);
});

test("an unknown host is named with those that there are", () => {
  expect(() => guestsOn(frontEnd({ hosts: [node("2")] }), "one", "node9", true)).toThrow(
    "OpenNebula on one has no host node9. It has: node1 (0).",
  );
});
