import { describeDomains } from "../../hypervisors/libvirt/vmDescription";
import { describeCloud } from "../../hypervisors/opennebula/vmDescription";
import { describeVms } from "../../hypervisors/proxmox/vmDescription";
import type { VmDescription, VmDescriptions } from "../../hypervisors/vmDescription";
import type { HostFacts } from "../../model/facts";
import { isTemplate, literal } from "./typescript";

/** A system of VMs that a host may show, and how a stack names a VM of it. */
interface System {
  readonly describe: (facts: HostFacts) => VmDescriptions;
  /** Whose static functions name VMs. */
  readonly construct: string;
  /** It is a construct of its own, on the host, in this variable. */
  readonly place?: string;
  /** Code that names the VM. */
  readonly target: (vmId: string) => string;
}

const systems: readonly System[] = [
  {
    describe: describeVms,
    construct: "Proxmox",
    target: (vmId) => `Proxmox.vm(host, ${Number(vmId)})`,
  },
  {
    describe: describeDomains,
    construct: "Libvirt",
    target: (name) => `Libvirt.domain(host, ${literal(name)})`,
  },
  {
    describe: describeCloud,
    construct: "OpenNebula",
    place: "cloud",
    target(vmId) {
      const [id, template] = [Number(vmId.replace("template:", "")), vmId.startsWith("template:")];
      return `OpenNebula.${template ? "template" : "vm"}(cloud, ${id})`;
    },
  },
];

/** A VM of one of them. */
export interface DescribedVm extends VmDescription {
  readonly system: Omit<System, "describe">;
}

/** Every VM that the host shows with a device. */
export function describeSystems(facts: HostFacts): { vms: DescribedVm[]; leftOut: string[] } {
  const found = systems.map(({ describe, ...system }) => {
    const { vms, leftOut } = describe(facts);
    return { vms: vms.map((vm): DescribedVm => ({ ...vm, system })), leftOut };
  });
  const vms = found.flatMap((one) => one.vms);
  const unsaid = vms.filter(({ declaration: { vmId } }) => isTemplate(vmId));
  return {
    vms: vms.filter(
      (vm) =>
        !unsaid.includes(vm) && Object.keys({ ...vm.declaration.pci, ...vm.declaration.usb }).length > 0,
    ),
    leftOut: [
      ...found.flatMap(({ leftOut }) => leftOut),
      ...vms.flatMap(({ leftOut }) => leftOut),
      ...unsaid.map(({ name }) => `the VM ${name}, whose name is a template to Terraform`),
    ],
  };
}
