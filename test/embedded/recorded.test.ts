/** What booted Debians looked like to the probe: their files make the same facts here, and the embedded hosts are alike. */
import { createHost } from "../../lib/host/host";
import { parseProbe, probeScript } from "../../lib/host/probe";
import { createSession } from "../../lib/host/session";
import type { HostFacts, PciDevice } from "../../lib/model/facts";
import { differences } from "../machine/factFormats";
import { recording, type Recording, type RecordingName } from "../machine/recording";
import { FakeRoot } from "../support/fakeRoot";
import { connect } from "../support/rig";
import { hosts } from "./hosts";

interface Kind {
  readonly name: RecordingName;
  readonly profile: string;
  /** What the embedded host is known to tell in another way. */
  readonly unlike: readonly string[];
}

const kinds: readonly Kind[] = [
  {
    name: "debian",
    profile: "debian-plain",
    // The programs that tell a loader are the real update-grub's; no loader started this machine's kernel.
    unlike: ["bootEvidence.programs[]: only one has it", "kernel.commandLine: words and GRUB's command line"],
  },
  {
    name: "debian-dracut",
    profile: "debian-dracut",
    unlike: ["bootEvidence.programs[]: only one has it"],
  },
  { name: "debian-systemd-boot", profile: "debian-systemd-boot", unlike: [] },
];

/** What files alone tell; the rest is told by programs of the host, or by too many files to keep. */
function toldByFiles(facts: HostFacts) {
  const { machineId, hostname, bootId, kernel, distribution, cpu, firmware, iommuUnits, modules, files } =
    facts;
  const devices = facts.devices.map((device): Partial<PciDevice> => {
    const { name: _name, pcieSerial: _pcieSerial, ...told } = device;
    return told;
  });
  const { images, grubMenus, loader } = facts.bootEvidence;
  return {
    ...{ machineId, hostname, bootId, kernel, distribution, cpu, firmware, iommuUnits, modules, files },
    ...{ devices, images, grubMenus, loader },
  };
}

function play(root: FakeRoot, { files, links }: Recording): void {
  for (const [path, content] of Object.entries(files)) root.write(path, content);
  for (const [path, target] of Object.entries(links)) {
    root.folderAt(target);
    root.link(path, target);
  }
}

describe.each(kinds)("a booted machine: $name", ({ name, profile, unlike }) => {
  const host = hosts();

  test("its files make the same facts here as there", async () => {
    const root = new FakeRoot();
    try {
      const recorded = recording(name);
      play(root, recorded);
      const { stdout, stderr } = await root.run(probeScript);
      expect(toldByFiles(parseProbe(stdout, name, stderr))).toEqual(toldByFiles(recorded.facts));
    } finally {
      root.remove();
    }
  });

  test("the embedded host of its kind tells every fact in the same form", async () => {
    const embedded = createHost(name, createSession(name, connect(await host({ profile }))));
    const facts = await embedded.probe().finally(() => embedded.close());
    expect(differences(recording(name).facts, facts)).toEqual(unlike);
  });
});
