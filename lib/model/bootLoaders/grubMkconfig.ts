import { grubSettingsPlace } from "../formats/grubSettings";
import type { Observation } from "../observation";
import type { BootLoader } from "./types";

const programs = ["grub2-mkconfig", "grub-mkconfig"] as const;

/** GRUB whose menu is made of /etc/default/grub by hand: RHEL before BLS entries, openSUSE and SLES, Arch. */
export const grubMkconfig: BootLoader = {
  name: "grub-mkconfig",
  detect: (observation) =>
    programOf(observation) !== undefined && observation.grubForeign !== null && menus(observation).length > 0,
  places: (observation) => [place(observation)],
  refresh(written, _rebuilt, observation) {
    if (!written.includes(place(observation).key)) return [];
    return menus(observation).map((menu) => `${programOf(observation) ?? "grub-mkconfig"} -o ${menu}`);
  },
};

function programOf({ bootEvidence }: Observation): string | undefined {
  return programs.find((program) => bootEvidence.programs.includes(program));
}

/** Every menu that was made is made again: with BIOS, with EFI, or wherever the distribution has it. */
function menus({ bootEvidence }: Observation): readonly string[] {
  return bootEvidence.grubMenus;
}

/** Red Hat documents GRUB_CMDLINE_LINUX; elsewhere the recovery entries do without what we add. */
function place({ distribution }: Observation) {
  const redHat = [distribution.id, ...distribution.idLike].some((id) =>
    ["rhel", "centos", "fedora"].includes(id),
  );
  return grubSettingsPlace(redHat ? "GRUB_CMDLINE_LINUX" : "GRUB_CMDLINE_LINUX_DEFAULT");
}
