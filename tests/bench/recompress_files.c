/*
 * recompress_files.c - rewrites segment files as the recorder's housekeeper does when it has time,
 * without waiting for it: to measure what recompression saves.
 *
 *   recompress_files LEVEL FILE…     one line of JSON: bytes before and after, processor seconds
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/upkeep/recompress.h"

static struct recompress_figures rewrite(const char *path, int level)
{
    struct recompress *job;
    struct error err = {""};
    enum status status = recompress_new(&job, path, level, NULL, &err);
    if (status == STATUS_OK) {
        while ((status = recompress_step(job, &err)) == STATUS_OK)
            continue;
    }
    if (status != STATUS_END) {
        fprintf(stderr, "recompress_files: %s: %s\n", path, err.text);
        exit(1);
    }
    struct recompress_figures figures = recompress_figures(job);
    recompress_free(job);
    return figures;
}

int main(int argc, char **argv)
{
    struct recompress_figures all = {0};
    if (argc < 3) {
        fprintf(stderr, "usage: recompress_files LEVEL FILE...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        struct recompress_figures one = rewrite(argv[i], atoi(argv[1]));
        all.bytes_before += one.bytes_before;
        all.bytes_after += one.bytes_after;
    }
    printf("{\"bytes_before\":%" PRIu64 ",\"bytes_after\":%" PRIu64 ",\"cpu_seconds\":%.1f}\n",
           all.bytes_before, all.bytes_after, (double)clock() / CLOCKS_PER_SEC);
    return 0;
}
