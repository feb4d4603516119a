/* A data race that ThreadSanitizer must refuse: the sanitizer's gate is run on this program to see it say no. */
#include <criterion/criterion.h>
#include <pthread.h>

static int shared;

static void *count(void *arg)
{
    int i;

    for (i = 0; i < 1000; i++) {
        shared++;
    }
    return arg;
}

Test(planted, race)
{
    pthread_t other;

    cr_assert(pthread_create(&other, NULL, count, NULL) == 0);
    count(NULL);
    cr_assert(pthread_join(other, NULL) == 0);
}
