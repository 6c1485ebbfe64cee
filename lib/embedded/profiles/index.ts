import { debianIntel } from "./debianIntel";
import { debianLibvirt } from "./debianLibvirt";
import { archGrub, archSystemdBoot } from "./families/arch";
import { debianDracut, debianPlain, debianSystemdBoot } from "./families/debian";
import { alma8, centos7, fedora, ovirtNode, power, rocky9 } from "./families/redHat";
import { proxmox9 } from "./families/proxmox9";
import { opensuse } from "./families/suse";
import { openNebulaFrontEnd } from "./openNebulaFrontEnd";
import { proxmoxAmd } from "./proxmoxAmd";
import { proxmoxIntel } from "./proxmoxIntel";
import type { Profile } from "./types";

/** The machines that can be embedded, by name. */
export const profiles: Readonly<Record<string, Profile>> = Object.fromEntries(
  [
    proxmoxAmd,
    proxmoxIntel,
    debianIntel,
    debianLibvirt,
    proxmox9,
    debianPlain,
    debianDracut,
    debianSystemdBoot,
    rocky9,
    alma8,
    centos7,
    fedora,
    opensuse,
    archSystemdBoot,
    archGrub,
    power,
    ovirtNode,
    openNebulaFrontEnd,
  ].map((profile) => [profile.name, profile]),
);

export const profileNames: readonly string[] = Object.keys(profiles);
