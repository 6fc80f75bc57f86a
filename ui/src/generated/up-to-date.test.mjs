// @vitest-environment node
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";
import { expect, it } from "vitest";

// After a change of the contract: `npm run generate`.
it("the generated types are those of api/openapi.yaml", async () => {
  const contract = await readFile(resolve("../api/openapi.yaml"), "utf8");
  const wanted = COMMENT_HEADER + astToString(await openapiTS(contract));
  expect(await readFile(resolve("src/generated/api.ts"), "utf8")).toBe(wanted);
});
