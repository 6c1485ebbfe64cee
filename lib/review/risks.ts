import { rebootEvents } from "./events";
import { slotOf } from "./devices";
import { goes, isAssumed, type HostParts } from "./resources";
import type { RebootReview, Risk, RiskKind } from "./types";
import { at, entries, strings, text, type View } from "./views";

type Found = readonly [kind: RiskKind, subject: string];

/** What a reviewer should know of a host before saying yes. */
export function risksOf(parts: HostParts, reboot: RebootReview): Risk[] {
  const { host, bindings } = parts;
  const standing = new Set(
    [
      ...(host === null ? [] : hostRisks(host.before)),
      ...bindings.flatMap(({ before }) => bindingRisks(before)),
    ].map((risk) => risk.join("\n")),
  );
  const remaining = [
    ...(host === null || goes(host) ? [] : hostRisks(host.after)),
    ...bindings.flatMap((binding) => (goes(binding) ? [] : bindingRisks(binding.after))),
  ];
  return [
    ...ofThisPlan(parts, reboot).map(([kind, subject]) => ({ kind, subject, introduced: true })),
    ...remaining.map(([kind, subject]) => ({
      kind,
      subject,
      introduced: !standing.has(`${kind}\n${subject}`),
    })),
  ];
}

/** What is about this very run of Terraform. */
function ofThisPlan({ plan, name, host, bindings, vms, others }: HostParts, reboot: RebootReview): Found[] {
  const found: Found[] = [];
  if ([host, ...bindings, ...vms, ...others].some((change) => change !== null && isAssumed(change)))
    found.push(["assumed", name]);
  if (host === null) return found;
  if (host.action === "replace") found.push(["host-replaced", host.address]);
  if (goes(host)) found.push(["host-destroyed", host.address]);
  if (reboot.blocked) found.push(["blocked", reboot.reason ?? ""]);
  const pending = strings(at(host.before, "pending"));
  if (pending.length > 0) found.push(["pending", pending.join(", ")]);
  const watched = plan.declared.length === 0 || rebootEvents(plan.declared).has(host.declaredAt);
  if (reboot.required === true && !watched) found.push(["no-event", host.address]);
  return found;
}

function hostRisks(view: View): Found[] {
  if (view === null) return [];
  const parameters = strings(at(view, "kernel_parameters"));
  const options = entries(at(view, "modprobe_options")).map(
    ([module, value]) => `${module} ${text(value) ?? ""}`,
  );
  return [
    ...(at(view, "iommu") === false ? [["iommu-off", "iommu = false"] as const] : []),
    ...(at(view, "allow_unsafe_interrupts") === true
      ? [["unsafe-interrupts", "allow_unsafe_interrupts = true"] as const]
      : []),
    ...[...parameters, ...options]
      .filter((setting) => /\ballow_unsafe_interrupts(=(1|y|yes|on|true))?(\s|$)/i.test(setting))
      .map((setting) => ["unsafe-interrupts", setting] as const),
    ...parameters
      .filter((parameter) => /^pcie_acs_override(=|$)/.test(parameter))
      .map((parameter) => ["acs-override", parameter] as const),
  ];
}

function bindingRisks(view: View): Found[] {
  const functions = entries(at(view, "functions"));
  const devices = entries(at(view, "devices"));
  const of = (key: string) =>
    functions.filter(([, found]) => text(at(found, "device")) === key).map(([address]) => address);
  return [
    ...strings(at(view, "allow_critical")).map((address) => ["critical-device", address] as const),
    ...devices.flatMap(([key, device]): Found[] => {
      const [address, id] = [text(at(device, "address")), text(at(device, "id"))];
      if (address === null)
        return id === null || !isAlone(device)
          ? []
          : [["id-selector", [id, of(key).join(", ")].filter(Boolean).join(": ")]];
      const along = of(key).filter((found) => found !== address && !found.endsWith(".0"));
      return along.length > 0 ? [["siblings", along.join(", ")]] : [];
    }),
    ...sharedGroups(at(view, "iommu_groups")),
    ...(at(view, "live_rebind") === true
      ? functions
          .filter(([, found]) => (text(at(found, "class")) ?? "").startsWith("03"))
          .map(([address]) => ["live-rebind", address] as const)
      : []),
  ];
}

/** The id is all that selects. */
function isAlone(device: View): boolean {
  return entries(device).every(([key, value]) => key === "id" || key === "count" || value === null);
}

/** Devices of several slots in one group can only go together. */
function sharedGroups(groups: View): Found[] {
  const members = new Map<string, string[]>();
  for (const [address, group] of entries(groups)) {
    const name = text(group) ?? "";
    if (name !== "") members.set(name, [...(members.get(name) ?? []), address]);
  }
  return [...members]
    .filter(([, addresses]) => new Set(addresses.map(slotOf)).size > 1)
    .map(([group, addresses]) => ["shared-group", `${group}: ${addresses.join(", ")}`] as const);
}
