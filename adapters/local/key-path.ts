/**
 * Object keys as paths below a folder. Everyday keys are their own paths. Other characters of a part are written %XX
 * (UTF-8 bytes), an empty part `%-`, and a part longer than a file name may be continues in a folder that ends in `%~`.
 */
const LONGEST_NAME = 200;

/** `a/b c` -> `a/b%20c`. The key must have the form of an ObjectKey: no `.` or `..` parts, relative. */
export function keyPath(key: string): string {
  return key.split("/").flatMap(partNames).join("/");
}

function partNames(part: string): string[] {
  if (part === "") return ["%-"];
  let encoded = "";
  for (const byte of Buffer.from(part)) {
    const letter = String.fromCharCode(byte);
    encoded += /[A-Za-z0-9._=@+,-]/.test(letter) ? letter : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  const names: string[] = [];
  while (encoded.length > LONGEST_NAME) {
    names.push(`${encoded.slice(0, LONGEST_NAME)}%~`);
    encoded = encoded.slice(LONGEST_NAME);
  }
  return [...names, encoded];
}

/** The key of a path below the folder; parts are joined by `/`. */
export function pathKey(path: string): string {
  const joined = path.replaceAll("%~/", "").split("/");
  return joined.map((name) => (name === "%-" ? "" : decode(name))).join("/");
}

function decode(name: string): string {
  if (!name.includes("%")) return name;
  const bytes: number[] = [];
  for (let i = 0; i < name.length; i += 1) {
    const hex = name[i] === "%" ? name.slice(i + 1, i + 3) : "";
    if (/^[0-9A-F]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      i += 2;
    } else bytes.push(...Buffer.from(name[i] as string));
  }
  return Buffer.from(bytes).toString("utf8");
}
