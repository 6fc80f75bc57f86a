/* See progress.h. Nothing can fail that anybody would hear of. */
#include "exporter/export/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/clock.h"

#define EVERY_NS (NS_PER_S / 5)
#define FIRST_NS (NS_PER_S / 2) /* what is done sooner needs none */

void progress_line_init(struct progress_line *line, bool quiet)
{
    int64_t now = clock_mono_ns();

    *line = (struct progress_line){
        .shown = !quiet && isatty(STDERR_FILENO) == 1, .begun_ns = now, .next_ns = now + FIRST_NS};
}

void progress_line_clear(struct progress_line *line)
{
    if (line->written)
        fputs("\r\033[K", stderr);
    line->written = false;
}

static void write_line(const struct progress_line *line, const struct export_progress *progress)
{
    double seconds = (double)(clock_mono_ns() - line->begun_ns) / 1e9;
    double megabytes = (double)progress->bytes / 1e6;

    fprintf(stderr, "%" PRIu64 " %s, %.1f MB, %.0f/s, %.1f MB/s", progress->rows,
            progress->packets > 0 ? "messages" : "rows", megabytes,
            (double)progress->rows / seconds, megabytes / seconds);
    if (progress->missed > 0)
        fprintf(stderr, ", %" PRIu64 " lost", progress->missed);
}

void progress_line_update(struct progress_line *line, const struct export_progress *progress)
{
    int64_t now = line->shown ? clock_mono_ns() : 0;

    if (!line->shown || now < line->next_ns)
        return;
    progress_line_clear(line);
    write_line(line, progress);
    if (progress->permille >= 0)
        fprintf(stderr, ", %d %%", progress->permille / 10);
    fflush(stderr);
    line->written = true;
    line->next_ns = now + EVERY_NS;
}

void progress_line_finish(struct progress_line *line, const struct export_progress *progress)
{
    progress_line_clear(line);
    if (!line->shown)
        return;
    write_line(line, progress);
    fputc('\n', stderr);
}
