/* Processors: which one it is, and a thread that keeps off one. */
#include <pthread.h>

#include "lib/base/processor.h"
#include "tests/unit/unit.h"

static void *wait_for_gate(void *gate)
{
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

static cpu_set_t processors_of(pthread_t thread)
{
    cpu_set_t set;
    ck_assert_int_eq(pthread_getaffinity_np(thread, sizeof set, &set), 0);
    return set;
}

START_TEST(a_thread_keeps_off_and_comes_back)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct processor_choice choice;
    pthread_t thread;
    pthread_mutex_lock(&gate);
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_gate, &gate), 0);
    cpu_set_t before = processors_of(thread);
    int here = processor_current();
    ck_assert_int_ge(here, 0);
    processor_choice_init(&choice, thread);
    processor_avoid(&choice, here);
    cpu_set_t during = processors_of(thread);
    if (CPU_COUNT(&before) > 1) {
        ck_assert(!CPU_ISSET((size_t)here, &during));
        ck_assert_int_eq(CPU_COUNT(&during), CPU_COUNT(&before) - 1);
    } else {
        ck_assert(CPU_EQUAL(&during, &before));
    }
    processor_avoid(&choice, -1);
    cpu_set_t after = processors_of(thread);
    ck_assert(CPU_EQUAL(&after, &before));
    pthread_mutex_unlock(&gate);
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(numbers_that_are_none_change_nothing)
{
    struct processor_choice choice;
    cpu_set_t before = processors_of(pthread_self());
    processor_choice_init(&choice, pthread_self());
    processor_avoid(&choice, CPU_SETSIZE);
    processor_avoid(&choice, -1);
    cpu_set_t after = processors_of(pthread_self());
    ck_assert(CPU_EQUAL(&after, &before));
}
END_TEST

int main(void)
{
    return UNIT_RUN("processor", a_thread_keeps_off_and_comes_back,
                    numbers_that_are_none_change_nothing);
}
