import { join } from "node:path";
import { startEmbeddedHost } from "../lib/embedded";
import { profiles } from "../lib/embedded/profiles/index";
import type { Profile } from "../lib/embedded/profiles/types";
import { createHost } from "../lib/host/host";
import { createSession } from "../lib/host/session";
import { libvirt } from "../lib/hypervisors/libvirt/libvirt";
import { untouched, type PciSlot, type VmRequest } from "../lib/hypervisors/types";
import { connect, Rig } from "../test/support/rig";
import { measure, type Measurement } from "./measure";

/** The libvirt profile with copies of one domain until there are `count`. */
function busy(count: number): Profile {
  const base = profiles["debian-libvirt"];
  const [first] = Object.values(base?.libvirt?.domains ?? {});
  if (base === undefined || first === undefined) throw new Error("There is no profile with domains.");
  const domains = Array.from({ length: count }, (_, at) => {
    const [name, number] = [`guest${at}`, String(at).padStart(12, "0")];
    const xml = first.xml
      .replace(/<name>[^<]*/, `<name>${name}`)
      .replace(/<uuid>[^<]*/, `<uuid>5b7c6d1e-3f2a-4c8b-9d10-${number}`);
    return [name, { xml, running: at % 2 === 0 }] as const;
  });
  return { ...base, name: `busy-${count}`, libvirt: { domains: Object.fromEntries(domains) } };
}

/** What one domain's plan decides, on facts that nobody looked at yet. */
function decide(facts: VmRequest["facts"]): void {
  const declaration = {
    ...{ vmId: "guest1", usb: {}, machine: null, cpu: null, bios: null, vga: null, balloon: null },
    ...{ bootOrder: null, create: null, restart: false, peers: [], provided: [] },
    pci: { gpu: { device: "0000:01:00", mdev: null } as PciSlot },
  };
  const request: VmRequest = { host: "kvm1", facts, vmId: "guest1", declaration, record: untouched };
  libvirt.problems(request, "plan");
  if (libvirt.change(request).steps.length === 0) throw new Error("nothing was decided");
}

export async function libvirtHost(count: number): Promise<Measurement[]> {
  const rig = new Rig();
  const host = await startEmbeddedHost({ profile: busy(count), dir: join(rig.folder, "busy") });
  try {
    const connected = createHost("busy", createSession("busy", connect(host)));
    const again = async () => {
      connected.refresh();
      const facts = await connected.probe();
      const seen = Object.keys(facts.libvirt?.domains ?? {}).length;
      if (seen !== count) throw new Error(`${seen} domains were seen, not ${count}`);
      return facts;
    };
    let facts = await again();
    const measured = [
      await measure(`probe of a host with ${count} libvirt domains, over an open connection`, 7, again),
      await measure(
        `what one domain's plan decides among ${count}, without the probe`,
        7,
        () => Promise.resolve(decide(facts)),
        undefined,
        async () => void (facts = await again()),
      ),
    ];
    await connected.close();
    return measured;
  } finally {
    await host.stop();
    await rig.close();
  }
}
