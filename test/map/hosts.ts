import { claims } from "../../lib/hypervisors/registry";
import { inspection, type InspectedDevice, type Inspection } from "../../lib/map/inspection";
import type { DeviceView, Picture } from "../../lib/map/views";
import type { HostFacts } from "../../lib/model/facts";
import { hostFacts, pciDevice } from "../support/facts";

/** A host as `inspect --json` has it. */
export function inspected(facts: Partial<HostFacts> = {}): Inspection {
  const all = hostFacts(facts);
  return inspection(all, claims(all));
}

export function inspectedDevice(device: Partial<InspectedDevice> & { address: string }): InspectedDevice {
  return { ...pciDevice(device), critical: [], vms: [], binding: null, ...device };
}

/** A server with many devices: bridges with four devices each, every third a group of its own. */
export function largeHost(name: string, devices: number): Inspection {
  const hex = (value: number) => value.toString(16).padStart(2, "0");
  const made = Array.from({ length: Math.ceil(devices / 5) }, (_, at) => {
    const bridge = `${at < 32 ? "0000" : "0001"}:00:${hex(at % 32)}.0`;
    const below = (fn: number) => `${at < 32 ? "0000" : "0001"}:${hex(at + 1)}:00.${fn}`;
    return [
      pciDevice({
        address: bridge,
        path: [bridge],
        bridge: true,
        class: "060400",
        iommuGroup: String(at * 10),
      }),
      ...[0, 1, 2, 3].map((fn) =>
        pciDevice({
          address: below(fn),
          path: [bridge, below(fn)],
          iommuGroup: String(at * 10 + (at % 3 === 0 ? fn + 1 : 1)),
          driver: fn === 0 ? "vfio-pci" : "nouveau",
        }),
      ),
    ];
  });
  const shown = made.flat().slice(0, devices);
  return inspected({
    hostname: name,
    machineId: name,
    devices: shown,
    critical: shown
      .filter((_, at) => at % 7 === 0)
      .map(({ address }) => ({ address, kind: "disk", use: "carries / (/dev/sda1)", essential: true })),
  });
}

/** Every device of one side, in the order of the picture. */
export function devicesOf(picture: Picture, side = 0): DeviceView[] {
  return picture.hosts.flatMap((host) =>
    (host.sides[side]?.buses ?? []).flatMap(({ trees, idle }) =>
      [...trees.flatMap(({ groups }) => groups), ...idle].flatMap((group) => group.devices),
    ),
  );
}
