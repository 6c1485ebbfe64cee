import type { HostFacts } from "../../model/facts";
import { sectionsOf, type Section, type Template } from "../../model/openNebulaTemplate";
import { cloudOf, findNamed, isActive, vmState, type Cloud } from "./cloud";

/** What a `vm_id` of OpenNebula means: a VM by id or name, or with `template:` before it a VM template. */
export interface Target {
  readonly kind: "vm" | "template";
  readonly id: string;
  readonly name: string;
  readonly template: Template;
  readonly sections: readonly Section[];
  /** A VM that runs, or is about to. */
  readonly active: boolean;
  /** A VM that takes and gives devices now. */
  readonly changeable: boolean;
  /** The state as `onevm` numbers it; empty for a template. */
  readonly state: string;
  readonly hostId: string | null;
}

const templatePrefix = "template:";

export function isTemplateId(vmId: string): boolean {
  return vmId.startsWith(templatePrefix);
}

/** null where there is none, or none any more. */
export function findTarget(cloud: Cloud, vmId: string): Target | null {
  if (isTemplateId(vmId)) {
    const found = findNamed(cloud.templates, vmId.slice(templatePrefix.length), "VM template");
    return (
      found && {
        ...{ kind: "template", id: found.id, name: found.name, template: found.template },
        ...{
          sections: sectionsOf(found.template, "PCI"),
          active: false,
          changeable: true,
          state: "",
          hostId: null,
        },
      }
    );
  }
  const alive = cloud.vms.filter(({ state }) => state !== vmState.done);
  const vm = findNamed(alive, vmId, "VM");
  return (
    vm && {
      ...{ kind: "vm", id: vm.id, name: vm.name, template: vm.template },
      ...{
        sections: sectionsOf(vm.template, "PCI"),
        active: isActive(vm),
        state: vm.state,
        hostId: vm.hostId,
      },
      changeable: vm.state === vmState.poweroff || vm.state === vmState.undeployed,
    }
  );
}

export function targetIn(
  facts: HostFacts,
  host: string,
  vmId: string,
): { cloud: Cloud; target: Target | null } {
  const cloud = cloudOf(facts, host);
  return { cloud, target: findTarget(cloud, vmId) };
}

/** `VM 42 (workstation)`, `VM template 7 (gpu-server)` */
export function describeTarget({ kind, id, name }: Pick<Target, "kind" | "id" | "name">): string {
  return `VM ${kind === "template" ? "template " : ""}${id}${name === "" ? "" : ` (${name})`}`;
}
