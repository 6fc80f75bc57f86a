/**
 * Names of workers are mostly an address and a rig, bc1q….rig7; the end tells them apart. In a narrow
 * column the beginning may be cut, the end stays.
 */
const SHORT = 16; // characters that are never cut
const RIG_MOST = 16; // of an end that begins with a dot
const END = 6; // of one without

/** What may be cut, and what is to stay; "" when there is no need for it. */
export function nameParts(name: string): [string, string] {
  const letters = Array.from(name);
  if (letters.length <= SHORT) return [name, ""];
  const dot = letters.lastIndexOf(".");
  const at = dot > 0 && letters.length - dot <= RIG_MOST ? dot : letters.length - END;
  return [letters.slice(0, at).join(""), letters.slice(at).join("")];
}
