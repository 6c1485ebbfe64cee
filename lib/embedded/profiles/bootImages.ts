import type { BootImages, Profile } from "./types";

const debian: BootImages = {
  kernel: (release) => `/boot/vmlinuz-${release}`,
  initramfs: (release) => `/boot/initrd.img-${release}`,
};

export const redHatImages: BootImages = {
  ...debian,
  initramfs: (release) => `/boot/initramfs-${release}.img`,
};

export const suseImages: BootImages = { ...debian, initramfs: (release) => `/boot/initrd-${release}` };

/** Named by the kernel's package. */
export const archImages = (packages: Readonly<Record<string, string>>): BootImages => ({
  kernel: (release) => `/boot/vmlinuz-${packages[release] ?? release}`,
  initramfs: (release) => `/boot/initramfs-${packages[release] ?? release}.img`,
});

export const imagesOf = (profile: Profile): BootImages => profile.images ?? debian;
