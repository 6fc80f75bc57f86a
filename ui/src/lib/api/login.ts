/** Exchanges the access token for a cookie that scripts cannot read. */
import { ApiError, post } from "./client";

/** Null when it worked, else what to say. */
export async function login(token: string): Promise<string | null> {
  try {
    await post("/api/login", { token });
    return null;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return "That is not the token.";
    return error instanceof Error ? error.message : "That did not work.";
  }
}
