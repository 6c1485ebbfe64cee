import { pciKey } from "../hostpci";
import { nicKey, parseNic } from "../nic";
import { functions } from "../claims";
import { allVms, describeVm } from "../virtualMachine";
import { hotplugs } from "../vmChange";
import type { Problem } from "../../types";
import { warning, type Context } from "./context";

/** Cards that come or change: key, what it was, and what it is to be. */
function arriving({ changes }: Context) {
  return changes.flatMap(({ key, before, after }) =>
    after !== null && nicKey.test(key) ? [{ key, before, nic: parseNic(after) ?? {} }] : [],
  );
}

/** A VM whose bridge is not there does not start. */
export function unknownBridges(context: Context): Problem[] {
  const { proxmox, title, host } = context;
  const { interfaces } = proxmox;
  return arriving(context).flatMap(({ key, nic: { bridge } }) =>
    bridge === undefined || interfaces.length === 0 || interfaces.includes(bridge)
      ? []
      : [
          warning(
            `There is no bridge ${bridge} on ${host}`,
            `${key} of ${title} is on it, and the VM would not start. There is: ${[...interfaces].sort().join(", ")}. Make it ` +
              "before, or name another one.",
            key,
          ),
        ],
  );
}

export function sameMacs(context: Context): Problem[] {
  const { facts, vm, title } = context;
  const others = allVms(facts).flatMap((other) =>
    Object.entries(other.configured).flatMap(([key, value]) =>
      nicKey.test(key) ? [{ other, key, mac: parseNic(value)?.["macaddr"]?.toUpperCase() }] : [],
    ),
  );
  return arriving(context).flatMap(({ key, before, nic: { macaddr } }) => {
    const mac = macaddr?.toUpperCase();
    if (mac === undefined || mac === parseNic(before ?? "")?.["macaddr"]?.toUpperCase()) return [];
    return others
      .filter((one) => one.mac === mac && !(one.other.id === vm.id && one.key === key))
      .map((one) =>
        warning(
          `${mac} is the address of two network cards`,
          `${key} of ${title} gets it, and ${one.key} of ${describeVm(one.other)} has it. On one network neither of them ` +
            "can be reached then. Leave mac out to keep the card's own.",
          key,
        ),
      );
  });
}

/** Proxmox VE changes the network cards of a running VM while it runs. */
export function liveNics({ vm, changes, moment, title }: Context): Problem[] {
  if (moment === "apply" || !vm.running) return [];
  const keys = changes.flatMap(({ key, before }) =>
    nicKey.test(key) && before !== null && hotplugs(vm, key) ? [key] : [],
  );
  if (keys.length === 0) return [];
  return [
    warning(
      `${keys.join(", ")} of ${title} ${keys.length === 1 ? "changes" : "change"} while it runs`,
      "Proxmox VE changes the network cards of a running VM at once (hotplug): who reaches the guest over one may lose the " +
        "connection.",
    ),
  ];
}

/** Network cards, virtual ones and passed ones. */
export function lastNic({ facts, vm, after, title }: Context): Problem[] {
  const hasNic = (config: Readonly<Record<string, string>>) =>
    Object.entries(config).some(
      ([key, value]) =>
        nicKey.test(key) ||
        (pciKey.test(key) &&
          // Nobody knows here what a mapping of another node stands for.
          functions(facts, value).some((address) =>
            facts.devices.some((device) => device.address === address && device.class.startsWith("02")),
          )),
    );
  if (!hasNic(vm.configured) || hasNic(after)) return [];
  return [
    warning(
      `${title} is left without a network card`,
      "The last one leaves it, and nobody reaches the guest over a network then. Declare a virtual one, such as " +
        'nics: { net0: { bridge: "vmbr0" } }, where that is not meant.',
    ),
  ];
}
