/* See arguments.h. The tables are put behind each other and given to lib/base/flags.h. */
#include "lib/command/arguments.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/memory.h"

void argument_list_add(struct argument_list *list, const char *text)
{
    list->items = memory_resize(list->items, (list->count + 1) * sizeof(*list->items));
    list->items[list->count++] = text;
}

void argument_list_close(struct argument_list *list)
{
    free(list->items);
    *list = (struct argument_list){NULL, 0};
}

struct settings *arguments_read(const struct arguments *arguments, void *target, int argc,
                                char **argv)
{
    struct flag_set set = {.target = target, .argument = arguments->argument};
    struct flag *flags = NULL;
    struct settings *settings;
    struct argp argp;

    for (size_t i = 0; i < arguments->table_count; i++) {
        const struct flag_table *table = &arguments->tables[i];

        flags = memory_resize(flags, (set.count + table->count) * sizeof(*flags));
        memcpy(flags + set.count, table->flags, table->count * sizeof(*flags));
        set.count += table->count;
    }
    set.flags = flags;
    argp = flag_set_argp(&set, arguments->args_doc, arguments->doc);
    settings = settings_load_or_exit(GROUP_COMMON, argc, argv, &argp, &set);
    flag_set_close(&set);
    free(flags);
    return settings;
}

bool format_wants_table(const struct format_options *format)
{
    return format->table || (!format->json && isatty(STDOUT_FILENO) == 1);
}
