import type { HostFacts } from "./facts";

export type GuestKind = "vm" | "container" | "domain";

/** A guest that runs on a host. */
export interface RunningGuest {
  readonly kind: GuestKind;
  /** What its hypervisor calls it: `100`, or a domain's UUID. */
  readonly id: string;
  readonly name: string;
  /** It starts with the host. */
  readonly startsWithHost: boolean;
  /** Devices of the host that it holds, in the hypervisor's words: with one it cannot move. */
  readonly passed: readonly string[];
  /** Its place in the start order; it stops in the opposite one. null: it starts last. */
  readonly order: number | null;
  /** Its configuration goes with its shutdown: nobody could start it again. */
  readonly transient: boolean;
  /** A high availability manager decides where it runs. */
  readonly highlyAvailable: boolean;
}

/** Every guest that a host runs, as its probe saw it. */
export function runningGuests({ proxmox, libvirt }: Pick<HostFacts, "proxmox" | "libvirt">): RunningGuest[] {
  const vms = Object.entries(proxmox?.vms ?? {}).flatMap(([id, { running, config }]) =>
    running
      ? [
          {
            ...proxmoxGuest("vm", id, config),
            highlyAvailable: proxmox?.highlyAvailable.includes(id) ?? false,
          },
        ]
      : [],
  );
  const containers = Object.entries(proxmox?.containers ?? {}).flatMap(([id, { running, config }]) =>
    running ? [proxmoxGuest("container", id, config)] : [],
  );
  const domains = Object.entries(libvirt?.domains ?? {}).flatMap(([name, domain]): RunningGuest[] =>
    domain.live === null
      ? []
      : [
          {
            kind: "domain",
            id: domain.uuid,
            name,
            startsWithHost: domain.autostart,
            passed: /<hostdev\b/.test(domain.live) ? ["hostdev"] : [],
            order: null,
            transient: !domain.persistent,
            highlyAvailable: false,
          },
        ],
  );
  return [...vms, ...containers, ...domains];
}

function proxmoxGuest(kind: "vm" | "container", id: string, config: string): RunningGuest {
  const settings = new Map(
    // Sections hold snapshots, and what is pending.
    (config.split(/^\[/m)[0] ?? "").split("\n").flatMap((line) => {
      const [, key, value] = /^([a-z]\w*):\s*(.*)$/.exec(line) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value.trim()] as const];
    }),
  );
  const order = /(?:^|,)(?:order=)?(\d+)(?:,|$)/.exec(settings.get("startup") ?? "")?.[1];
  return {
    kind,
    id,
    name: settings.get("name") ?? settings.get("hostname") ?? "",
    startsWithHost: settings.get("onboot") === "1",
    passed: [...settings.keys()].filter((key) => /^(hostpci|dev)\d+$/.test(key)),
    order: order === undefined ? null : Number(order),
    transient: false,
    highlyAvailable: false,
  };
}

const kindWords: Readonly<Record<GuestKind, string>> = { vm: "VM", container: "container", domain: "domain" };

/** `VM 100 (workstation)`; of a domain its name alone. */
export function guestWords({ kind, id, name }: Pick<RunningGuest, "kind" | "id" | "name">): string {
  if (kind === "domain") return `domain ${name}`;
  return `${kindWords[kind]} ${id}${name === "" ? "" : ` (${name})`}`;
}
