import { BrokenAnswer, HostError, isNotUpYet, mayPass, type HostErrorKind } from "../../lib/host/errors";

const error = (kind: HostErrorKind, isJump = false): HostError =>
  new HostError(kind, { name: "pve1", address: "root@pve1:22", isJump }, "Unable to do it", "For a reason.");

describe("an error of the way to a host", () => {
  it.each<[HostErrorKind, { passes: boolean; reboots: boolean }]>([
    ["connection-refused", { passes: true, reboots: true }],
    ["timeout", { passes: true, reboots: true }],
    ["closed-early", { passes: true, reboots: true }],
    ["no-route", { passes: false, reboots: true }],
    ["unresolved-name", { passes: false, reboots: true }],
    ["still-booting", { passes: false, reboots: true }],
    ["lost", { passes: false, reboots: true }],
    ["unknown-host-key", { passes: false, reboots: true }],
    ["changed-host-key", { passes: false, reboots: true }],
    ["revoked-host-key", { passes: false, reboots: false }],
    ["refused-login", { passes: false, reboots: false }],
    ["bad-config", { passes: false, reboots: false }],
    ["bad-key", { passes: false, reboots: false }],
    ["no-sudo", { passes: false, reboots: false }],
    ["incompatible", { passes: false, reboots: false }],
    ["jump-refused", { passes: false, reboots: false }],
    ["refused-command", { passes: false, reboots: false }],
    ["command-timeout", { passes: false, reboots: true }],
    ["aborted", { passes: false, reboots: false }],
  ])("%s: %j", (kind, { passes, reboots }) => {
    expect(mayPass(error(kind))).toBe(passes);
    expect(isNotUpYet(error(kind))).toBe(reboots);
  });

  it("of a jump host's key is final: it is not the one that reboots", () => {
    expect(isNotUpYet(error("changed-host-key", true))).toBe(false);
    expect(isNotUpYet(error("unknown-host-key", true))).toBe(false);
    expect(isNotUpYet(error("timeout", true))).toBe(true);
  });

  it("of an answer that is of no use passes with the reboot", () => {
    expect(isNotUpYet(new BrokenAnswer("The probe was cut off."))).toBe(true);
    expect(mayPass(new BrokenAnswer("The probe was cut off."))).toBe(false);
  });

  it("that is none of ours is final", () => {
    expect(isNotUpYet(new Error("ECONNREFUSED"))).toBe(false);
    expect(isNotUpYet(undefined)).toBe(false);
  });

  it("has a title and a detail, together the message", () => {
    expect(error("lost").message).toBe("Unable to do it: For a reason.");
  });
});
