import { describe, expect, it } from "vitest";
import { inLine } from "./bidi";
import { nameParts } from "./worker-name";

describe("names of workers", () => {
  it("keep the rig when there is no room for the address", () => {
    expect(nameParts("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq.rig7")).toEqual(["bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", ".rig7"]);
    expect(nameParts("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa")).toEqual(["1A1zP1eP5QGefi2DMPTfTL5SLmv7", "DivfNa"]);
    expect(nameParts("demo.1")).toEqual(["demo.1", ""]);
  });

  it("show control characters as escapes, as commands do", () => {
    expect(inLine("pad\0\u001b[2J\u009b")).toBe("pad\\u0000\\u001b[2J\\u009b");
  });
});
