/* `hashscope sim pool|miner`: the simulators of samples/sim. */
#include <stdio.h>
#include <string.h>

#include "cli/commands/command.h"
#include "samples/sim/sim.h"

static const char usage[] =
    "Usage: hashscope sim pool [OPTION...]\n"
    "  or:  hashscope sim miner [OPTION...] [POOL]\n"
    "A small honest pool and small honest miners, for demos and tests.\n\n"
    "  pool   real jobs of a made-up chain; recomputes every share\n"
    "  miner  real handshakes and SHA-256d shares at a chosen pace\n\n"
    "`hashscope sim pool --help' and `hashscope sim miner --help' tell the options.\n";

static int run(int argc, char **argv)
{
    static char pool[] = "hashscope sim pool";
    static char miner[] = "hashscope sim miner";

    if (argc >= 2 && strcmp(argv[1], "pool") == 0) {
        argv[1] = pool;
        return sim_pool_main(argc - 1, argv + 1);
    }
    if (argc >= 2 && strcmp(argv[1], "miner") == 0) {
        argv[1] = miner;
        return sim_miner_main(argc - 1, argv + 1);
    }
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0)) {
        fputs(usage, stdout);
        return 0;
    }
    fprintf(stderr, "hashscope sim: %s\n%s",
            argc < 2 ? "pool or miner?" : "there are only pool and miner", usage);
    return 2;
}

const struct command command_sim = {"sim", "a simulated pool or simulated miners", run};
