/** What starts the kernel, by the name that an author may set. */
export const bootLoaderNames = [
  "grub",
  "grub-mkconfig",
  "grub-bls",
  "systemd-boot",
  "proxmox-boot-tool",
] as const;

/** What makes the initramfs. */
export const initramfsNames = ["initramfs-tools", "dracut", "mkinitcpio"] as const;
