import { gunzipSync, gzipSync } from "node:zlib";
import type { HostFacts } from "./facts";

/**
 * The part of a probe that a plan may stand on. A refresh keeps it beside the state, so that planning is a pure
 * function of what was read, also when the plan is made again inside the apply.
 */
export type Observation = Omit<
  HostFacts,
  | "critical"
  | "bootHazards"
  | "proxmox"
  | "libvirt"
  | "qemuDriver"
  | "opennebula"
  | "usbDevices"
  | "mediatedDevices"
  | "memory"
>;

/** What lines of ours may stand in, and what decides how they are merged. */
const kept =
  /^\/etc\/(modprobe\.d|default|kernel|modules-load\.d|initramfs-tools|dracut\.conf\.d|mkinitcpio\.(conf\.)?d|initcpio|cdktf-passthrough)\/|^\/etc\/systemd\/system\/.*cdktf-passthrough|^\/(boot|efi)\/|^\/usr\/lib\/dracut\/|^\/etc\/modules$/;

/** Whether a file that a probe read may hold lines of ours. */
export const mayBeOurs = (path: string): boolean => kept.test(path);

export function observe(facts: HostFacts): Observation {
  const {
    critical: _critical,
    bootHazards: _bootHazards,
    proxmox: _proxmox,
    libvirt: _libvirt,
    qemuDriver: _qemuDriver,
    opennebula: _opennebula,
    usbDevices: _usb,
    mediatedDevices: _mediated,
    memory: _memory,
    ...rest
  } = facts;
  const files = Object.fromEntries(Object.entries(facts.files).filter(([path]) => mayBeOurs(path)));
  return { ...rest, files };
}

/** Small enough to stand in a state file: a host's facts shrink to a tenth. */
export function packObservation(observation: Observation): string {
  return gzipSync(JSON.stringify(observation)).toString("base64");
}

export function unpackObservation(packed: unknown): Observation | null {
  if (typeof packed !== "string") return null;
  const unpacked = JSON.parse(
    gunzipSync(Buffer.from(packed, "base64")).toString("utf8"),
  ) as Partial<Observation>;
  // One that an earlier version of this package kept says too little.
  const says = [unpacked.bootEvidence?.systemdBoot, unpacked.scriptLines, unpacked.sriov];
  return says.includes(undefined) ? null : (unpacked as Observation);
}
