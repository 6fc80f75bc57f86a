// @vitest-environment jsdom
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { LoginView } from "./components/login-view";

it("stays and says so when the token is wrong, and goes on when it is right", async () => {
  const done = vi.fn();
  const fetch = vi.fn((_path: string, init: RequestInit) =>
    Promise.resolve(new Response("{}", { status: String(init.body).includes("right") ? 200 : 401 })),
  );
  vi.stubGlobal("fetch", fetch);
  render(<LoginView onDone={done} />);
  const field = screen.getByLabelText("Access token");
  fireEvent.change(field, { target: { value: "wrong" } });
  fireEvent.click(screen.getByRole("button", { name: "Open" }));
  await screen.findByText("That is not the token.");
  expect(done).not.toHaveBeenCalled();
  fireEvent.change(field, { target: { value: "right" } });
  fireEvent.click(screen.getByRole("button", { name: "Open" }));
  await waitFor(() => expect(done).toHaveBeenCalledOnce());
});
