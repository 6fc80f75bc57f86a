/*
 * server_stack.c - room for the HTTP server's threads.
 *
 * civetweb, as Debian builds it, gives each of its threads 100 KiB of stack and offers no way to
 * say otherwise. jansson reads and writes nested values by recursion, up to 2048 levels deep; that
 * needs some 700 KiB, and whoever mines here, or logs in, decides how deep a value is. So the call
 * by which a library asks for a small stack is answered here in place of the C library: it gets at
 * least SERVER_STACK. Only pages that are touched take memory.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#define SERVER_STACK ((size_t)4 << 20)

typedef int set_stack_size(pthread_attr_t *attributes, size_t size);

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the header has no others */
int pthread_attr_setstacksize(pthread_attr_t *attributes, size_t size)
{
    set_stack_size *real;
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_attr_setstacksize");
    return real ? real(attributes, size > SERVER_STACK ? size : SERVER_STACK) : EINVAL;
}
