// @vitest-environment jsdom
import { act, render, waitFor } from "@testing-library/react";
import { BrowserRouter } from "react-router-dom";
import { beforeEach, expect, it } from "vitest";
import { useFilters, useSelection, useTab } from "./use-filters";

let selection: ReturnType<typeof useSelection>;
let filters: ReturnType<typeof useFilters>;
let tab: ReturnType<typeof useTab>;
const TABS = ["messages", "jobs"] as const;

function Probe() {
  selection = useSelection();
  filters = useFilters();
  tab = useTab(TABS);
  return null;
}

const at = (where: string) => waitFor(() => expect(location.pathname + location.search).toBe(where));
const back = () => act(async () => { history.back(); await new Promise((done) => setTimeout(done, 20)); });

beforeEach(() => {
  history.pushState(null, "", "/before");
  history.pushState(null, "", "/archive?q=x");
  render(<BrowserRouter future={{ v7_startTransition: true, v7_relativeSplatPath: true }}><Probe /></BrowserRouter>);
});

it("opens a message as one step of the history, whichever are looked at behind it", async () => {
  act(() => selection.select("a-1"));
  act(() => selection.select("a-2"));
  act(() => selection.turn("hex"));
  await at("/archive?q=x&message=a-2&view=hex");
  await back();
  await at("/archive?q=x");
  await back();
  await at("/before");
});

it("closes by taking that step back, once however often it is asked to", async () => {
  act(() => selection.select("a-1"));
  act(() => {
    selection.select(null);
    selection.select(null);
  });
  await at("/archive?q=x");
  await act(async () => { history.forward(); await new Promise((done) => setTimeout(done, 20)); });
  await at("/archive?q=x&message=a-1");
  act(() => selection.select(null));
  await at("/archive?q=x");
  act(() => selection.select(null));
  await back();
  await at("/before");
});

it("closes what a link had open without leaving the view", async () => {
  act(() => filters[1]({ errors: true }));
  act(() => selection.select("a-1"));
  act(() => filters[1]({ q: "y" }, true));
  act(() => selection.select(null));
  await at("/archive?q=y&errors=true");
});

it("goes back to the filters before, but not to each letter", async () => {
  act(() => filters[1]({ q: "xy" }, true));
  act(() => filters[1]({ from: "2026-11-22T13:00:00Z" }));
  await at("/archive?q=xy&from=2026-11-22T13%3A00%3A00Z");
  await back();
  await at("/archive?q=xy");
  await back();
  await at("/before");
});

it("keeps the tab in the URL, also when a message beside it is closed", async () => {
  act(() => selection.select("a-1"));
  act(() => tab[1]("jobs"));
  await at("/archive?q=x&message=a-1&tab=jobs");
  expect(tab[0]).toBe("jobs");
  act(() => selection.select(null));
  await at("/archive?q=x&tab=jobs");
  expect(tab[0]).toBe("jobs");
});

it("takes a tab that does not exist for the first one", async () => {
  act(() => tab[1]("nonsense"));
  await at("/archive?q=x&tab=nonsense");
  expect(tab[0]).toBe("messages");
  act(() => tab[1]("messages"));
  await at("/archive?q=x");
});
