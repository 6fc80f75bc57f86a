/*
 * stratum_load.c - stratum_load, the load generator: a mock pool and simulated miners, to be run
 * with a relay between them. `stratum_load --help` lists the options; docs/benchmarks.md says what
 * the figures mean.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "tests/bench/load_options.h"
#include "tests/bench/load_run.h"
#include "tests/bench/load_traffic.h"

static int dump(const struct load_options *options)
{
    const char *name = options->dump_file;
    const bool to_stdout = strcmp(name, "-") == 0;
    FILE *file = to_stdout ? stdout : fopen(name, "we");
    if (file == NULL) {
        fprintf(stderr, "stratum_load: %s: %s\n", name, strerror(errno));
        return 2;
    }
    bool written = traffic_dump(file, options->miners, options->messages, options->seed);
    if (!to_stdout) {
        written = fclose(file) == 0 && written;
    }
    if (!written) {
        fprintf(stderr, "stratum_load: writing %s failed\n", name);
    }
    return written ? 0 : 2;
}

/* Two descriptors a session: as many as we may have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    struct load_options options;
    const int status = load_options_parse(&options, argc, argv);
    if (status >= 0) {
        return status;
    }
    if (options.mode == LOAD_DUMP) {
        return dump(&options);
    }
    raise_descriptor_limit();
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    return load_run(&options, stdout);
}
