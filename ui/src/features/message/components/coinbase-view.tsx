import { useMemo } from "react";
import { Facts } from "@/components/ui/facts";
import { formatCount } from "@/lib/format";
import { formatBitcoin, readCoinbase } from "@/lib/stratum/coinbase";

/** The coinbase of a job in words: which block, by whom, and who is paid. */
export function CoinbaseView({ coinbase1, coinbase2 }: { coinbase1: string; coinbase2: string }) {
  const coinbase = useMemo(() => readCoinbase(coinbase1, coinbase2), [coinbase1, coinbase2]);
  if (!coinbase) return null;
  return (
    <section aria-label="Coinbase" className="rounded-md border bg-background p-3">
      <Facts
        facts={[
          { label: "Block height", value: coinbase.height === null ? "–" : formatCount(coinbase.height) },
          { label: "Pool's tag", value: coinbase.tag || "none", mono: true },
          { label: "Extranonce", value: `${coinbase.extranonceBytes} bytes` },
          ...coinbase.outputs.map((output, i) => ({
            label: `Output ${i + 1}`,
            value: (
              <>
                {formatBitcoin(output.satoshis)} <span className="text-muted-foreground">{output.kind}</span>
                <span className="block font-mono text-xs break-all text-muted-foreground">{output.script}</span>
              </>
            ),
          })),
        ]}
      />
    </section>
  );
}
