import { deviceViews } from "./devices";
import type { Inspection } from "./inspection";
import type { Machine } from "./judgement";
import type { PlannedHost } from "./plan";
import { roleNames, type Role } from "./roles";
import { machinesOf } from "./sides";
import { busViews } from "./trees";
import type { DeviceView, Picture, SideView, VmView } from "./views";

export function pictureOfHosts(hosts: readonly Inspection[]): Picture {
  return {
    title:
      hosts.length === 1
        ? `PCI devices of ${hosts[0]?.hostname ?? ""}`
        : `PCI devices of ${hosts.length} hosts`,
    hosts: hosts.map((host) => ({
      name: host.hostname,
      about: about(host),
      reboot: null,
      notes: notesOf(host),
      sides: [sideView(null, host, deviceViews(host), [])],
    })),
  };
}

/** @param found by name of the planned host, as far as it was read */
export function pictureOfPlan(plan: readonly PlannedHost[], found: ReadonlyMap<string, Inspection>): Picture {
  return {
    title: "The plan, before and after",
    hosts: plan.map((planned) => {
      const read = found.get(planned.name) ?? null;
      const { before, after } = machinesOf(planned, read);
      const [leaving, arriving] = alignedViews(before, after);
      const groupsLater =
        planned.reboot !== null && before.devices.some(({ iommuGroup }) => iommuGroup === null);
      return {
        name: planned.name,
        about: read === null ? ["as far as the plan knows it"] : about(read),
        reboot: planned.reboot,
        notes: [
          ...(read === null ? [] : notesOf(read)),
          ...planned.after.unknown,
          ...(groupsLater ? ["IOMMU groups that are not there yet are known after the reboot."] : []),
        ],
        sides: [
          sideView("Before", before, leaving, vmViews(planned, "before")),
          sideView("After the apply", after, arriving, vmViews(planned, "after")),
        ],
      };
    }),
  };
}

function about(host: Inspection): string[] {
  const on = host.devices.some(({ iommuGroup }) => iommuGroup !== null);
  const off = host.firmware.iommuTable ? "off (the firmware offers it)" : "off (the firmware shows none)";
  return [
    host.proxmox === null ? host.distribution : `Proxmox VE ${host.proxmox.version}`,
    `Linux ${host.kernel.release}`,
    host.firmware.product,
    `IOMMU ${on ? "on" : off}`,
    ...(host.owner === null ? [] : [`declared by ${host.owner}`]),
  ].filter((words) => words.trim() !== "");
}

function notesOf({ devices, firmware, unresolved }: Inspection): string[] {
  const off = devices.length > 0 && devices.every(({ iommuGroup }) => iommuGroup === null);
  const mend = firmware.iommuTable
    ? "a boot turns it on"
    : "the firmware's settings turn it on (VT-d, AMD-Vi)";
  return [
    ...(off ? [`The IOMMU is off: there are no groups, and nothing can be handed out before ${mend}.`] : []),
    ...unresolved.map((words) => `The host lives on what could not be traced to a device: ${words}`),
  ];
}

function sideView(
  title: string | null,
  { devices }: Machine,
  views: ReadonlyMap<string, DeviceView>,
  vms: readonly VmView[],
): SideView {
  const shown = [...views.values()];
  const counts = roleNames.map((role) => [role, shown.filter((device) => device.role === role).length]);
  return {
    title,
    buses: busViews(devices, views),
    vms,
    counts: Object.fromEntries(counts) as Record<Role, number>,
    changes: shown.filter(({ changes }) => changes.length > 0).length,
  };
}

/** Both sides, each device as high on one as on the other, so that they can be compared line by line. */
function alignedViews(before: Machine, after: Machine): [Map<string, DeviceView>, Map<string, DeviceView>] {
  const leaving = deviceViews(before, { other: after, arriving: false });
  const arriving = deviceViews(after, { other: before, arriving: true });
  const aligned = (views: Map<string, DeviceView>, others: Map<string, DeviceView>) =>
    new Map(
      [...views].map(([address, view]) => {
        const lines = Math.max(view.lines.length, others.get(address)?.lines.length ?? 0);
        return [address, { ...view, height: lines }];
      }),
    );
  return [aligned(leaving, arriving), aligned(arriving, leaving)];
}

/** Our settings of the VMs on one side, each with what the plan does to it. */
function vmViews({ before, after }: PlannedHost, which: "before" | "after"): VmView[] {
  const [side, other] = which === "before" ? [before, after] : [after, before];
  return side.vms.map(({ id, settings }) => {
    const others = other.vms.find((vm) => vm.id === id)?.settings ?? {};
    return {
      id,
      settings: Object.entries(settings).map(([key, value]) => {
        const there = Object.hasOwn(others, key);
        const lonely = which === "before" ? "removed" : "added";
        return { key, value, change: !there ? lonely : others[key] === value ? null : "changed" };
      }),
    };
  });
}
