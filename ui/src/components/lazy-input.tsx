import { useEffect, useRef, useState, type ComponentProps } from "react";
import { Input } from "@/components/ui/input";

const TYPING_MS = 250;

/** An input that tells what was typed when the typing pauses. */
export function LazyInput({ value, onValue, ...props }: Omit<ComponentProps<"input">, "onChange"> & { value: string; onValue: (value: string) => void }) {
  const [text, setText] = useState(value);
  const told = useRef(value);
  // A stream draws this anew many times a second; that must not put off what was typed.
  const tell = useRef(onValue);
  tell.current = onValue;
  useEffect(() => {
    if (value !== told.current) setText(value);
    told.current = value;
  }, [value]);
  useEffect(() => {
    if (text === told.current) return;
    const timer = setTimeout(() => {
      told.current = text.trim();
      tell.current(text.trim());
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return <Input value={text} onChange={(event) => setText(event.target.value)} {...props} />;
}
