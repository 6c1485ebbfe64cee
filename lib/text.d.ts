/** Scripts, protocol files and the parts of pages are bundled as text. */
declare module "*.sh" {
  const text: string;
  export default text;
}
declare module "*.proto" {
  const text: string;
  export default text;
}
declare module "*.css" {
  const text: string;
  export default text;
}
declare module "*.browser.js" {
  const text: string;
  export default text;
}
