import type { ProxmoxFacts } from "../../../model/facts";
import type { Problem, VmRequest } from "../../types";
import { allVms, describeVm, type VirtualMachine } from "../virtualMachine";
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
