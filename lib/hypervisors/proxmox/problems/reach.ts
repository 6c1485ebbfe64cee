import type { ProxmoxFacts } from "../../../model/facts";
import { isMarked } from "../creation";
import type { Problem, VmCreation, VmRequest } from "../../types";
import { allVms, describeVm, findVm, type VirtualMachine } from "../virtualMachine";
import { error, type Context, type Moment } from "./context";

export function missing({ host, facts, vmId }: VmRequest, proxmox: ProxmoxFacts): Problem {
  const shownAtMost = 20;
  const vms = allVms(facts);
  const list = vms
    .slice(0, shownAtMost)
    .map((vm) => `\n  ${describeVm(vm)}${vm.node === proxmox.node ? "" : ` on node ${vm.node}`}`);
  const more = vms.length > shownAtMost ? `\n  and ${vms.length - shownAtMost} more` : "";
  return error(
    `There is no VM ${vmId} on ${host}`,
    `Node ${proxmox.node} and its cluster know no virtual machine with this id (a container has no PCI slots). ` +
      (vms.length === 0 ? "There is none at all." : `There is:${list.join("")}${more}`) +
      "\nCreate the VM first, or correct its id.",
  );
}

/** What keeps `qm set` from working at all. */
export function outOfReach(
  vm: VirtualMachine,
  title: string,
  host: string,
  proxmox: ProxmoxFacts,
  moment: Moment,
): Problem[] {
  if (vm.node !== proxmox.node) {
    return [
      error(
        `${describeVm(vm)} is on node ${vm.node}, not on ${host}`,
        `${host} is node ${proxmox.node} of the cluster. PCI devices belong to one node: declare the VM on the host ` +
          `that is node ${vm.node}, or migrate the VM back with \`qm migrate ${vm.id} ${proxmox.node}\` there.`,
      ),
    ];
  }
  const lock = vm.current["lock"];
  if (lock === undefined) return [];
  const mend =
    lock === "suspended"
      ? `It is hibernated: start it (\`qm resume ${vm.id}\`) and shut it down.`
      : `Wait until that has ended; if nothing of the kind runs any more, \`qm unlock ${vm.id}\`.`;
  return [
    {
      severity: moment === "apply" ? "error" : "warning",
      summary: `${title} is locked (${lock})`,
      detail: `Proxmox VE refuses changes of a locked VM. ${mend}`,
    },
  ];
}

export function template({ vm, title }: Context): Problem[] {
  if (vm.configured["template"] !== "1") return [];
  return [
    error(
      `${title} is a template`,
      `A template never starts, so it can have no device. Clone it (\`qm clone ${vm.id} <new id>\`) and declare the clone.`,
    ),
  ];
}

/** What speaks against making a VM, or against taking one that is there for it. */
export function creation(
  { host, facts, vmId, declaration, isNew }: VmRequest,
  existing: VirtualMachine | null,
  making: VmCreation | null,
): Problem[] {
  if (existing !== null && declaration?.create && isNew === true) {
    if (isMarked(facts.proxmox?.vms[existing.id]?.config ?? "")) return [];
    return [
      error(
        `${describeVm(existing)} exists already on node ${existing.node}`,
        `It is declared to be made on ${host}, and is not touched. Choose another id; or, to take it as it is, leave ` +
          "`create` out, or set `adopt: true`.",
        "create",
      ),
    ];
  }
  const clone = making?.clone ?? null;
  if (clone === null) return [];
  const original = findVm(facts, clone);
  if (original?.node === facts.proxmox?.node) return [];
  return [
    error(
      `There is no VM ${clone} on ${host} to clone for VM ${vmId}`,
      original === null
        ? "Its node and the cluster know none with this id."
        : `${describeVm(original)} is on node ${original.node}. Clone one of this node.`,
      "create",
    ),
  ];
}

/** A VM is not deleted while somebody may work with it. */
export function runs(vm: VirtualMachine, title: string): Problem {
  return error(
    `${title} runs and is not deleted`,
    `This stack made it, and its destroy deletes it with its disks. Shut it down first (\`qm shutdown ${vm.id}\`), or set ` +
      "`deleteOnDestroy: false` and apply that, to keep it.",
  );
}
