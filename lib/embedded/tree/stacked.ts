import type { Files } from "../files";
import type { Profile, StackedDisk, VirtualInterface } from "../profiles/types";
import { blockAttributes, interfaceAttributes } from "./classDevices";

/** device-mapper and md devices over the disks that are there, lowest first. */
export function stackDisks(files: Files, profile: Profile): void {
  for (const disk of profile.stackedDisks) {
    if (disk.slaves.some((slave) => files.exists(`/sys/class/block/${slave}`))) stackedDisk(files, disk);
  }
}

function stackedDisk(files: Files, disk: StackedDisk): void {
  const node = `/sys/devices/virtual/block/${disk.name}`;
  blockAttributes(files, node, disk.name, disk.number, disk.sectors, disk.uuid);
  files.link(`/sys/block/${disk.name}`, node);
  for (const slave of disk.slaves) {
    const lower = files.linkedPath(`/sys/class/block/${slave}`);
    if (lower === null) continue;
    files.link(`${node}/slaves/${slave}`, lower);
    files.link(`${lower}/holders/${disk.name}`, node);
  }
  if (disk.dm) {
    files.write(`${node}/dm/name`, `${disk.dm.name}\n`);
    files.write(`${node}/dm/uuid`, `${disk.dm.uuid}\n`);
    files.link(`/dev/mapper/${disk.dm.name}`, `/dev/${disk.name}`);
  }
  if (disk.md) {
    files.write(`${node}/md/level`, `${disk.md}\n`);
    files.write(`${node}/md/array_state`, "clean\n");
  }
}

/** Bonds, VLANs and bridges over the ports that are there. */
export function raiseNetwork(files: Files, profile: Profile): void {
  profile.network.interfaces.forEach((virtual, at) => virtualInterface(files, virtual, 20 + at));
  const bonds = profile.network.interfaces.filter(({ kind }) => kind === "bond");
  if (bonds.length > 0)
    files.write("/sys/class/net/bonding_masters", `${bonds.map(({ name }) => name).join(" ")}\n`);
  files.write("/sys/devices/virtual/net/lo/address", "00:00:00:00:00:00\n");
  files.write("/sys/devices/virtual/net/lo/operstate", "unknown\n");
  files.link("/sys/class/net/lo", "/sys/devices/virtual/net/lo");
}

function virtualInterface(files: Files, virtual: VirtualInterface, index: number): void {
  const node = `/sys/devices/virtual/net/${virtual.name}`;
  const lower = virtual.lower.filter((name) => files.exists(`/sys/class/net/${name}`));
  interfaceAttributes(files, node, virtual.mac, lower.length > 0, index);
  files.link(`/sys/class/net/${virtual.name}`, node);
  for (const name of lower) {
    const port = files.linkedPath(`/sys/class/net/${name}`);
    if (port === null) continue;
    files.link(`${node}/lower_${name}`, port);
    files.link(`${port}/upper_${virtual.name}`, node);
    if (virtual.kind !== "vlan") files.link(`${port}/master`, node);
    if (virtual.kind === "bridge") {
      files.link(`${node}/brif/${name}`, `${port}/brport`);
      files.link(`${port}/brport/bridge`, node);
    }
  }
  if (virtual.kind === "bridge")
    files.write(`${node}/bridge/bridge_id`, `8000.${virtual.mac.replace(/:/g, "")}\n`);
  if (virtual.kind === "bond") {
    files.write(`${node}/bonding/slaves`, `${lower.join(" ")}\n`);
    files.write(`${node}/bonding/mode`, "active-backup 1\n");
    files.write(
      `/proc/net/bonding/${virtual.name}`,
      lower.map((name) => `Slave Interface: ${name}\n`).join(""),
    );
  }
  if (virtual.kind === "vlan") {
    const [below = ""] = virtual.lower;
    files.write(
      `/proc/net/vlan/${virtual.name}`,
      `${virtual.name}  VID: ${virtual.vlanId ?? 1}\nDevice: ${below}\n`,
    );
  }
}
