/* write-settings - prints what is generated from the option table: env.example or docs/settings.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/options.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "env") == 0) {
        options_write_env_example(stdout);
    } else if (argc == 2 && strcmp(argv[1], "markdown") == 0) {
        options_write_markdown(stdout);
    } else {
        fprintf(stderr, "usage: %s env|markdown\n", argv[0]);
        return EXIT_FAILURE;
    }
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
