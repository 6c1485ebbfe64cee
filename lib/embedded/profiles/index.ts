import { debianIntel } from "./debianIntel";
import { proxmoxAmd } from "./proxmoxAmd";
import { proxmoxIntel } from "./proxmoxIntel";
import type { Profile } from "./types";

/** The machines that can be embedded, by name. */
export const profiles: Readonly<Record<string, Profile>> = Object.fromEntries(
  [proxmoxAmd, proxmoxIntel, debianIntel].map((profile) => [profile.name, profile]),
);

export const profileNames: readonly string[] = Object.keys(profiles);
