import { functions } from "./claims";
import { parsePciValue, pciKey } from "./hostpci";
import { parseUsbValue, usbKey } from "./hostusb";
import { error, type Context, type Moment } from "./problems/context";
import {
  absentDevices,
  assignedTwice,
  oneCardPerSlot,
  romOfAnother,
  unknownMappings,
  unknownRomFiles,
  usbSlots,
} from "./problems/devices";
import {
  bootOrder,
  display,
  effect,
  firmwareChange,
  immobile,
  machineChange,
  memorySnapshots,
} from "./problems/guest";
import { lastNic, liveNics, sameMacs, unknownBridges } from "./problems/network";
import { ballooning, memorySum } from "./problems/memory";
import { legacyIgd, mediatedDevices, onePrimaryDisplay, pcieNeedsQ35 } from "./problems/pciOptions";
import { creation, missing, outOfReach, runs, template } from "./problems/reach";
import { groupTakers, heldByOthers, neededByHost, startsAtBoot } from "./problems/sharing";
import type { Problem, VmRequest } from "../types";
import { virtualVm } from "./creation";
import { describeVm, findVm, virtualMachine } from "./virtualMachine";
import { configuredAfter, plannedChange } from "./vmChange";

/** What speaks against a request on the host as it stands. */
export function proxmoxProblems(request: VmRequest, moment: Moment): Problem[] {
  const { facts, host, vmId, declaration } = request;
  const { proxmox } = facts;
  if (proxmox === null) {
    return [
      error(
        `${host} is not a Proxmox VE host`,
        `VM ${vmId} is declared for hypervisor proxmox, and ${host} (${facts.distribution.prettyName}) has no \`qm\`. ` +
          "Name the host that runs the VM.",
      ),
    ];
  }
  const existing = findVm(facts, vmId);
  const making = existing === null ? (declaration?.create ?? null) : null;
  if (existing === null && making === null) {
    // A VM that is gone has nothing left to give back.
    return declaration === null ? [] : [missing(request, proxmox)];
  }
  const vm = existing ?? virtualMachine(vmId, virtualVm(making, facts));
  const { changes } = plannedChange(request);
  const title = `${describeVm(vm)} on ${host}`;
  const deletes = declaration === null && request.record.created === "delete";
  const reach = [
    ...(changes.length === 0 && declaration === null && !deletes
      ? []
      : outOfReach(vm, title, host, proxmox, moment)),
    ...(deletes && vm.running ? [runs(vm, title)] : []),
    ...creation(request, existing, making),
  ];
  if (declaration === null || vm.node !== proxmox.node) return reach;

  const after = configuredAfter(vm, changes);
  const context: Context = {
    ...request,
    ...{ declaration, proxmox, moment, vm, title, changes, after },
    pci: Object.entries(after).flatMap(([key, value]) => {
      const options = pciKey.test(key) ? parsePciValue(value) : null;
      return options === null ? [] : [{ key, options, functions: functions(facts, value) }];
    }),
    usb: Object.entries(after).flatMap(([key, value]) => {
      const options = usbKey.test(key) ? parseUsbValue(value) : null;
      return options === null ? [] : [{ key, options }];
    }),
  };
  // An installed guest is what these warn of.
  const applicable = making?.clone === null ? checks.filter((check) => !ofInstalled.includes(check)) : checks;
  return [...reach, ...applicable.flatMap((check) => check(context))];
}

const checks: readonly ((context: Context) => Problem[])[] = [
  template,
  absentDevices,
  unknownMappings,
  unknownRomFiles,
  romOfAnother,
  pcieNeedsQ35,
  onePrimaryDisplay,
  mediatedDevices,
  legacyIgd,
  assignedTwice,
  oneCardPerSlot,
  usbSlots,
  bootOrder,
  heldByOthers,
  neededByHost,
  groupTakers,
  machineChange,
  firmwareChange,
  startsAtBoot,
  display,
  ballooning,
  memorySum,
  memorySnapshots,
  immobile,
  unknownBridges,
  sameMacs,
  lastNic,
  liveNics,
  effect,
];

const ofInstalled = [machineChange, firmwareChange];
