import type { PciSlot } from "../../hypervisors/types";
import { kindOfClass } from "../../model/deviceKind";
import { FreshNames } from "../../model/freshNames";
import type { DescribedDevice } from "../../model/hostDescription";
import { normalisePciAddress } from "../../model/pciAddress";
import { record } from "./fields";
import type { Field } from "./typescript";

export interface Binding {
  readonly name: string;
  readonly variable: string;
  readonly devices: readonly (DescribedDevice & { readonly key: string })[];
}

/** One for each IOMMU group: it goes as a whole. */
export function bindingsOf(devices: readonly DescribedDevice[], names: FreshNames): Binding[] {
  const groups = new Map<string, DescribedDevice[]>();
  for (const device of devices) {
    const group = device.iommuGroup ?? device.address;
    groups.set(group, [...(groups.get(group) ?? []), device]);
  }
  return [...groups.values()].map((members) => {
    const keys = new FreshNames();
    const name = names.give(members[0] === undefined ? "device" : kindOfClass(members[0].class), "device");
    return {
      name,
      variable: name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
      devices: members.map((device) => ({
        ...device,
        key: keys.give(members.length === 1 ? "card" : kindOfClass(device.class), "device"),
      })),
    };
  });
}

export function bindingFields({ devices }: Binding): Field[] {
  const fields = devices.map(({ key, address, words }) => ({
    name: key,
    value: record({ address }),
    comment: words,
  }));
  return [
    { name: "host", value: { raw: "host" } },
    { name: "devices", value: { fields, expanded: true } },
    { name: "adopt", value: true },
  ];
}

/** The binding's device that a slot takes; null where it takes another one, or only a part. */
export function boundDevice(
  slot: PciSlot,
  bindings: readonly Binding[],
): { binding: Binding; key: string } | null {
  for (const binding of bindings) {
    const found = binding.devices.find(
      ({ address }) =>
        slot.device !== null && !slot.device.includes(";") && sameAddress(address, slot.device),
    );
    if (found !== undefined) return { binding, key: found.key };
  }
  return null;
}

const sameAddress = (one: string, other: string) => normalisePciAddress(one) === normalisePciAddress(other);
