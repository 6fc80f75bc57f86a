/* See cat_files.h. Each file is read by lib/segment/segment.h, from its first line to its last. */
#include "cli/commands/cat_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/display/show.h"
#include "lib/segment/segment.h"

static bool is_open_file(const char *path)
{
    size_t len = strlen(path);

    return len > 5 && strcmp(path + len - 5, ".open") == 0;
}

/* A file that is still being written may end anywhere; a finished one may not. */
static enum status check_end(const struct segment_reader *reader, const char *path,
                             struct error *err)
{
    const struct segment_place *place = segment_reader_place(reader);

    if (!place->torn || is_open_file(path))
        return STATUS_END;
    return error_set(err, STATUS_DAMAGED, "it ends within the frame that begins at byte %" PRIu64,
                     place->end);
}

static bool goes_on(const struct show *show, uint64_t limit)
{
    return !show->output.closed && (limit == 0 || show->shown < limit);
}

static void tell(struct show *show, const char *path, const struct error *err)
{
    bool named = strstr(err->text, path) != NULL;

    output_flush(&show->output);
    fprintf(stderr, "%s: %s%s%s\n", show->command, named ? "" : path, named ? "" : ": ", err->text);
    show->damaged++;
}

static void cat_file(struct show *show, const char *path, uint64_t limit)
{
    struct segment_reader *reader = NULL;
    struct segment_line line;
    struct error err = {""};
    enum status status = segment_reader_open(&reader, path, &err);

    if (status == STATUS_OK) {
        while (goes_on(show, limit) &&
               (status = segment_reader_next(reader, &line, &err)) == STATUS_OK)
            show_line(show, &line);
        if (status == STATUS_END)
            status = check_end(reader, path, &err);
        segment_reader_close(reader);
    }
    if (status != STATUS_OK && status != STATUS_END)
        tell(show, path, &err);
}

int cat_files(const struct argument_list *files, const struct format_options *format,
              uint64_t limit, const char *command)
{
    const struct query_place nowhere = {NULL, NULL, 0};
    const struct filter filter = {.answers = false};
    struct show show;
    bool failed;

    show_init(&show, &filter, format, &nowhere, command);
    for (size_t i = 0; i < files->count && goes_on(&show, limit); i++)
        cat_file(&show, files->items[i], limit);
    output_flush(&show.output);
    failed = show.damaged > 0 || show.output.failed;
    show_close(&show);
    return failed ? 1 : 0;
}
