import type { HostFacts, LibvirtDomainFacts } from "./facts";

/** The machine that runs Terraform, as far as a host could know it. */
export interface Runner {
  /** Of its kernel, which its containers share; null where there is none, as outside Linux. */
  readonly bootId: string | null;
  /** MAC addresses of its network interfaces, in lower case. */
  readonly macAddresses: readonly string[];
  /** What else this deploy lives on, such as the server that keeps Terraform's state. */
  readonly servers?: readonly { readonly use: string; readonly macAddresses: readonly string[] }[];
}

type HazardFacts = Pick<HostFacts, "bootHazards" | "bootId" | "devices" | "hostname" | "proxmox" | "libvirt">;

/**
 * Why the host must not be rebooted with nobody there, in words: it would not come back by itself, or it would take
 * down what waits for it.
 */
export function rebootHazards(facts: HazardFacts, runner: Runner): string[] {
  return [...facts.bootHazards, ...ourselves(facts, runner)];
}

function ourselves(facts: HazardFacts, { bootId, macAddresses, servers = [] }: Runner): string[] {
  if (bootId !== null && bootId === facts.bootId)
    return [`this deploy runs on ${facts.hostname} itself, or in a container there, and would end with it`];
  const guests = runningGuests(facts);
  const itself = {
    name: `${facts.hostname} itself`,
    macAddresses: facts.devices.flatMap(({ macs }) => macs),
  };
  const lives = (use: string, own: readonly string[], among: readonly Guest[]) =>
    among.flatMap(({ name, macAddresses: theirs }) => {
      const shared = theirs.find((address) => own.includes(address));
      return shared === undefined ? [] : [`${use} is ${name} (${shared}), and would go down with it`];
    });
  return [
    ...lives("the machine that this deploy runs on", macAddresses, guests),
    ...servers.flatMap((server) => lives(server.use, server.macAddresses, [...guests, itself])),
  ];
}

interface Guest {
  readonly name: string;
  readonly macAddresses: readonly string[];
}

function runningGuests({ proxmox, libvirt }: HazardFacts): Guest[] {
  const vms = Object.entries(proxmox?.vms ?? {}).filter(([, vm]) => vm.running && vm.node === proxmox?.node);
  const containers = Object.entries(proxmox?.containers ?? {}).filter(([, { running }]) => running);
  const domains = Object.entries(libvirt?.domains ?? {});
  return [
    ...vms.map(([id, { config }]) => ({
      name: `the virtual machine ${id} of this host`,
      macAddresses: addressesIn(config, /^net\d+:.*$/gm),
    })),
    ...containers.map(([id, { config }]) => ({
      name: `the container ${id} of this host`,
      macAddresses: addressesIn(config, /^net\d+:.*$/gm),
    })),
    ...domains.map(([name, { live }]: readonly [string, LibvirtDomainFacts]) => ({
      name: `the domain ${name} of this host`,
      macAddresses: addressesIn(live ?? "", /<mac\s[^>]*>/g),
    })),
  ];
}

function addressesIn(text: string, lines: RegExp): string[] {
  return (text.match(lines) ?? []).flatMap((line) =>
    (line.match(/\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b/gi) ?? []).map((address) => address.toLowerCase()),
  );
}

/** Words for a refusal: every hazard, and what to do. */
export function hazardLines(hazards: readonly string[]): string {
  return hazards.map((hazard) => `  - ${hazard}`).join("\n");
}
