/** The kernel said no to a write, in the words of strerror. */
export class KernelError extends Error {}

export const noSuchDevice = () => new KernelError("No such device");
export const invalidArgument = () => new KernelError("Invalid argument");
export const busy = () => new KernelError("Device or resource busy");
export const fileExists = () => new KernelError("File exists");
