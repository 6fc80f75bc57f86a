/* The command line of `tail` and `cat`; see view.h. */
#include <stdlib.h>
#include <string.h>

#include "cli/view.h"
#include "lib/base/memory.h"

#define AT(field) offsetof(struct view_options, field)

static const struct flag common[] = {
    {.help = "What to show:"},
    {"session", 's', FLAG_TEXT, AT(session), 0, 0, NULL, "ID",
     "Only this session: its UUID, the beginning or end of it, or a worker name"},
    {"method", 'm', FLAG_TEXT, AT(method), 0, 0, NULL, "NAME",
     "Only messages of this method and their answers; mining. may be left out"},
    {"dir", 'd', FLAG_TEXT, AT(dir), 0, 0, NULL, "DIRECTION",
     "Only miner_to_pool, pool_to_miner, hashscope_to_pool or pool_to_hashscope"},
    {"errors", 'e', FLAG_SWITCH, AT(errors), 0, 0, NULL, NULL,
     "Only answers that refuse, and lines that are no JSON"},
    {.help = "How to show it:"},
    {"json", 'j', FLAG_SWITCH, AT(json), 0, 0, NULL, NULL, "NDJSON, also on a terminal"},
    {"text", 't', FLAG_SWITCH, AT(text), 0, 0, NULL, NULL, "Rows to read, also into a pipe"},
};
#define COMMON_COUNT (sizeof(common) / sizeof(common[0]))

static bool take_file(void *target, const char *text)
{
    struct view_options *options = target;

    options->files =
        memory_resize(options->files, (options->file_count + 1) * sizeof(*options->files));
    options->files[options->file_count++] = text;
    return true;
}

struct settings *view_options_read(struct view_options *out, int argc, char **argv,
                                   const struct flag *own, size_t own_count, const char *args_doc,
                                   const char *doc)
{
    struct flag *flags = memory_new((COMMON_COUNT + own_count) * sizeof(*flags));
    struct flag_set set = {.flags = flags, .count = COMMON_COUNT + own_count, .target = out};
    struct settings *settings;
    struct argp argp;

    memcpy(flags, common, sizeof(common));
    memcpy(flags + COMMON_COUNT, own, own_count * sizeof(*own));
    if (args_doc != NULL)
        set.argument = take_file;
    argp = flag_set_argp(&set, args_doc, doc);
    settings = settings_load_or_exit(GROUP_COMMON, argc, argv, &argp, &set);
    flag_set_close(&set);
    free(flags);
    return settings;
}

void view_options_close(struct view_options *options)
{
    free(options->files);
    options->files = NULL;
}
