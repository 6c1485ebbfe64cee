import type { Hypervisor, Problem, Settings, VmDeclaration } from "../types";
import { declaredOrder, orderKey } from "./order";
import { openNebulaProblems } from "./problems";
import { declaredProblems, declaredSlots, settingsOf, settingsThere } from "./slots";
import { targetIn } from "./target";
import { plannedChange, recordAfter } from "./vmChange";

/** The VMs and VM templates of an OpenNebula front end, changed with `onevm` and `onetemplate`. */
export const opennebula: Hypervisor = {
  name: "opennebula",

  isOn: (facts) => facts.opennebula !== null,

  validate(declaration) {
    const idProblems = /^(?!-)(?:template:)?[^\p{Cc}]+$/u.test(declaration.vmId)
      ? []
      : [
          {
            key: "vm_id",
            detail: "Expected the id or name of a VM, or template: and that of a VM template.",
          },
        ];
    return [...idProblems, ...declaredProblems(declaration)].map(({ key, detail }): Problem => ({
      severity: "error",
      key,
      summary: `${key} of ${JSON.stringify(declaration.vmId)} is malformed`,
      detail,
    }));
  },

  desired,
  problems: openNebulaProblems,
  change: plannedChange,
  recordAfter,
  // A device that OpenNebula hands out is of another machine than the front end.
  claims: () => [],

  observe(facts, vmId, wanted) {
    const { cloud, target } = targetIn(facts, facts.hostname, vmId);
    if (target === null) return null;
    return {
      name: target.name,
      node: cloud.hosts.find(({ id }) => id === target.hostId)?.name ?? "",
      running: target.active,
      locked: null,
      settings: settingsThere(target, wanted),
      // OpenNebula changes the devices of a VM only while it is off, so it never runs with others.
      restartPending: false,
    };
  },

  changedSince({ facts, host, vmId, declaration }, seen) {
    const { target } = targetIn(facts, host, vmId);
    if (target === null) return [];
    const wanted = declaration ? desired(declaration) : {};
    const now = settingsThere(target, seen);
    const then = settingsThere(target, { ...seen, ...wanted });
    return Object.entries(seen).flatMap(([key, before]) => {
      const after = now[key] ?? null;
      // Gone: a peer may have taken the device over.
      const expected =
        after === null ||
        (key === orderKey ? isPartOf(after, before) : after === before) ||
        (wanted[key] !== undefined && then[key] === wanted[key]);
      return expected ? [] : [{ key, before, after }];
    });
  },
};

function desired(declaration: VmDeclaration): Settings {
  const [malformed] = declaredProblems(declaration);
  if (malformed) throw new Error(`${malformed.key} of ${declaration.vmId}: ${malformed.detail}`);
  const order = declaredOrder(declaration);
  return { ...settingsOf(declaredSlots(declaration)), ...(order === null ? {} : { [orderKey]: order }) };
}

/** What of one order is left in another: a peer may have taken devices over. */
function isPartOf(order: string, whole: string): boolean {
  const names = order.split(" ");
  return (
    whole
      .split(" ")
      .filter((name) => names.includes(name))
      .join(" ") === order
  );
}
