/** The kernel said no to a write, in the words of strerror. */
export class KernelError extends Error {}

export const noSuchDevice = () => new KernelError("No such device");
export const invalidArgument = () => new KernelError("Invalid argument");
export const busy = () => new KernelError("Device or resource busy");
export const fileExists = () => new KernelError("File exists");
export const noSuchFile = () => new KernelError("No such file or directory");
export const outOfRange = () => new KernelError("Numerical result out of range");
