import { useCallback, useEffect, useMemo, useRef } from "react";
import { useLocation, useNavigate, useSearchParams } from "react-router-dom";
import { filtersFromUrl, filtersToUrl, type Filters } from "./filters";

/**
 * The filters in the URL, and how to change them. What else stands there stays. The browser's way
 * back undoes a change, but not each letter that was typed.
 */
export function useFilters(): [Filters, (change: Partial<Filters>, typed?: boolean) => void, () => void] {
  const [params, setParams] = useSearchParams();
  const filters = useMemo(() => filtersFromUrl(params), [params]);
  const change = useCallback(
    (some: Partial<Filters>, typed = false) =>
      setParams((old) => filtersToUrl({ ...filtersFromUrl(old), ...some }, old), { replace: typed }),
    [setParams],
  );
  const clear = useCallback(() => setParams((old) => filtersToUrl({}, old)), [setParams]);
  return [filters, change, clear];
}

/** One of these names, as `tab` in the URL; the first unless said. Turning to another is no step in the history. */
export function useTab<Name extends string>(names: readonly [Name, ...Name[]]): [Name, (name: string) => void] {
  const [params, setParams] = useSearchParams();
  const tab = names.find((name) => name === params.get("tab")) ?? names[0];
  const turn = useCallback(
    (name: string) =>
      setParams(
        (old) => {
          const next = new URLSearchParams(old);
          if (name === names[0]) next.delete("tab");
          else next.set("tab", name);
          return next;
        },
        { replace: true },
      ),
    [names, setParams],
  );
  return [tab, turn];
}

/** Marks the place in the history that a message was opened at. */
const OPENED = { opened: true };

/**
 * The message whose drawer is open, and which side of it is shown ("decoded" unless said). Opening it
 * is a step in the history, going on to others is not; closing it takes the step back.
 */
export function useSelection() {
  const [params, setParams] = useSearchParams();
  const { state, key } = useLocation() as { state: unknown; key: string };
  const navigate = useNavigate();
  const left = useRef(""); // where a step back was asked for, and has not happened yet
  useEffect(() => void (left.current = ""), [key]);
  const selected = params.get("message");
  const put = useCallback(
    (values: Record<string, string | null>, opening = false) =>
      setParams(
        (old) => {
          const next = new URLSearchParams(old);
          for (const [name, value] of Object.entries(values)) {
            if (value) next.set(name, value);
            else next.delete(name);
          }
          return next;
        },
        opening ? { state: OPENED } : { replace: true, state },
      ),
    [setParams, state],
  );
  const close = useCallback(() => {
    if (selected === null || left.current === key) return;
    if ((state as typeof OPENED | null)?.opened !== true) return put({ message: null, view: null });
    left.current = key;
    void navigate(-1);
  }, [selected, key, state, put, navigate]);
  const select = useCallback(
    (id: string | null, view?: string) => (id === null ? close() : put(view ? { message: id, view } : { message: id }, selected === null)),
    [close, put, selected],
  );
  const turn = useCallback((view: string) => put({ view: view === "decoded" ? null : view }), [put]);
  return { selected, view: params.get("view") ?? "decoded", select, turn };
}
