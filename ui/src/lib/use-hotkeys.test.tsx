// @vitest-environment jsdom
import { fireEvent, render, screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { useHotkeys } from "./use-hotkeys";

const pause = vi.fn();
const down = vi.fn();

function Page() {
  useHotkeys({ " ": pause, ArrowDown: down });
  return (
    <>
      <button type="button">Errors</button>
      <input aria-label="Search" />
      <div role="region" aria-label="Bytes" tabIndex={0} />
      <div role="alertdialog" aria-label="Sure?"><p tabIndex={0}>Disconnect?</p></div>
      <div role="rowgroup" tabIndex={0} aria-label="Rows" />
    </>
  );
}

it("leaves keys alone where they have a meaning of their own", () => {
  render(<Page />);
  for (const place of [screen.getByRole("button"), screen.getByLabelText("Search"), screen.getByText("Disconnect?")]) fireEvent.keyDown(place, { key: " " });
  expect(pause).not.toHaveBeenCalled();
  for (const place of [screen.getByLabelText("Bytes"), screen.getByLabelText("Search"), screen.getByText("Disconnect?")]) fireEvent.keyDown(place, { key: "ArrowDown" });
  expect(down).not.toHaveBeenCalled();
  fireEvent.keyDown(screen.getByLabelText("Rows"), { key: " " });
  fireEvent.keyDown(screen.getByLabelText("Rows"), { key: "ArrowDown" });
  fireEvent.keyDown(screen.getByRole("button"), { key: "ArrowDown" });
  expect([pause.mock.calls.length, down.mock.calls.length]).toEqual([1, 2]);
});
