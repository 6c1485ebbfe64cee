/** Where our lines stand on a host. */
export const paths = {
  grubDropIn: "/etc/default/grub.d/zz-cdktf-passthrough.cfg",
  kernelCommandLine: "/etc/kernel/cmdline",
  modprobe: "/etc/modprobe.d/zz-cdktf-passthrough.conf",
  modulesLoad: "/etc/modules-load.d/cdktf-passthrough.conf",
  initramfsHook: "/etc/initramfs-tools/hooks/cdktf-passthrough",
  initTopScript: "/etc/initramfs-tools/scripts/init-top/00-cdktf-passthrough",
  bootTable: "/etc/cdktf-passthrough/devices",
  record: "/var/lib/cdktf-passthrough/record.json",
} as const;
