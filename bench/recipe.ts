/**
 * What people write instead: a `null_resource` with `remote-exec`, or a script of `ssh` commands. Each step and each
 * fact is a command of its own, over a connection of its own.
 */
import { spawn } from "node:child_process";
import type { EmbeddedHost } from "../lib/embedded";

const functions = ["0000:01:00.0", "0000:01:00.1", "0000:02:00.0", "0000:02:00.1", "0000:06:00.0"];

/** What one has to ask to know that a host with three bindings and two VMs is still as it should be. */
export const facts: readonly string[] = [
  "cat $PASSTHROUGH_ROOT/proc/cmdline",
  "cat $PASSTHROUGH_ROOT/etc/default/grub",
  "cat $PASSTHROUGH_ROOT/etc/modules-load.d/cdktf-passthrough.conf",
  "ls $PASSTHROUGH_ROOT/sys/class/iommu",
  ...functions.flatMap((address) => [
    `readlink $PASSTHROUGH_ROOT/sys/bus/pci/devices/${address}/driver`,
    `readlink $PASSTHROUGH_ROOT/sys/bus/pci/devices/${address}/iommu_group`,
  ]),
  "qm config 100",
  "qm config 101",
];

/** One setting of one VM, blindly. */
export const oneChange: readonly string[] = ["qm set 100 --vga none"];

/** The same by somebody who looks before and afterwards. */
export const oneCarefulChange: readonly string[] = ["qm config 100", ...oneChange, "qm config 100"];

/** Runs the commands one after another with OpenSSH's own client. */
export async function run(host: EmbeddedHost, commands: readonly string[]): Promise<void> {
  for (const command of commands) await ssh(host, command);
}

function ssh(host: EmbeddedHost, command: string): Promise<void> {
  // As such recipes have it: nobody is asked who the host is.
  const options = [
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    "BatchMode=yes",
  ];
  const target = ["-i", host.clientKeyFile, "-p", String(host.port), `root@${host.host}`];
  const args = ["-F", "none", ...options.flatMap((option) => ["-o", option]), ...target, command];
  const child = spawn("ssh", args, { stdio: ["ignore", "ignore", "inherit"] });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`ssh ${command} exited with ${String(code)}`)),
    );
  });
}
