import type { HostFacts } from "../../model/facts";
import { kindOfClass } from "../../model/deviceKind";
import { FreshNames } from "../../model/freshNames";
import type { Section } from "../../model/openNebulaTemplate";
import { emptyPciSlot, Holders, type VmDescription, type VmDescriptions } from "../vmDescription";
import type { PciNic, PciRequest, PciSlot } from "../types";
import { cloudOf, vmState, type Cloud } from "./cloud";
import { describeRequest, isNic, isWanted, mark, requestOf, slotProblems, wantedSections } from "./sections";
import { describeTarget, findTarget, type Target } from "./target";

/** The VMs and VM templates of a front end that ask for PCI devices. */
export function describeCloud(facts: HostFacts): VmDescriptions {
  const { opennebula } = facts;
  if (opennebula === null) return { vms: [], leftOut: [] };
  if (opennebula.failure !== null)
    return { vms: [], leftOut: [`the VMs of OpenNebula, which does not answer: ${opennebula.failure}`] };
  const cloud = cloudOf(facts, facts.hostname);
  const alive = cloud.vms.filter(({ state }) => state !== vmState.done);
  const ids = [...alive.map(({ id }) => id), ...cloud.templates.map(({ id }) => `template:${id}`)];
  const taken = new Holders();
  const vms = ids.flatMap((id) => {
    const target = findTarget(cloud, id);
    return target === null || target.sections.length === 0 ? [] : [describe(cloud, target, id, taken)];
  });
  return { vms, leftOut: [] };
}

function describe(cloud: Cloud, target: Target, vmId: string, taken: Holders): VmDescription {
  const names = new FreshNames();
  const title = describeTarget(target);
  const pci: Record<string, PciSlot> = {};
  const leftOut: string[] = [];
  for (const section of target.sections) {
    const slot = slotOf(section);
    const exact =
      section[mark] === undefined &&
      slotProblems(slot).length === 0 &&
      wantedSections(slot).every((wanted) => isWanted(section, wanted, target.kind));
    const devices =
      target.kind === "vm" && slot.request?.short_address
        ? [`${target.hostId ?? ""} ${slot.request.short_address}`]
        : [];
    const held = exact ? taken.take(devices, title) : "it cannot be declared as it is there";
    if (held === null) pci[names.give(kindOf(cloud, section), "device")] = slot;
    else leftOut.push(`${describeRequest(section)} of ${title}: ${held}`);
  }
  return { declaration: { vmId, pci, usb: {} }, name: target.name, leftOut };
}

/** What a section asks for. What OpenNebula filled in is nobody's wish. */
function slotOf(section: Section): PciSlot {
  const asked = requestOf(section);
  const text = (word: string) => section[word]?.toLowerCase() || null;
  const request: PciRequest =
    "address" in asked
      ? { vendor: null, device: null, class: null, short_address: asked.address }
      : { vendor: text("VENDOR"), device: text("DEVICE"), class: text("CLASS"), short_address: null };
  return {
    ...emptyPciSlot,
    request,
    nic: isNic(section) ? nicOf(section) : null,
    profile: section["PROFILE"] ?? null,
  };
}

/** Addresses may be the network's choice, and then it would choose others next time: they are left to it. */
function nicOf(section: Section): PciNic {
  return {
    ...{ mac: null, ip: null, ip6: null, vlan_id: null },
    network: section["NETWORK"] ?? null,
    network_uname: section["NETWORK_UNAME"] ?? null,
  };
}

/** By the class that is asked for, else by that of a device that would do. */
function kindOf({ hosts }: Cloud, section: Section): string {
  if (isNic(section)) return "nic";
  const { CLASS: pciClass, VENDOR: vendor, DEVICE: device, SHORT_ADDRESS: address } = section;
  const same = (one: string | undefined, other: string) =>
    one === undefined || one.toLowerCase() === other.toLowerCase();
  const found = hosts
    .flatMap(({ devices }) => devices)
    .find((one) => same(vendor, one.vendor) && same(device, one.device) && same(address, one.shortAddress));
  return kindOfClass(pciClass ?? found?.class ?? "");
}
